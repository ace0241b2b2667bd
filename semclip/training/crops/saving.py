"""A trained dual encoder as a folder that stands alone: changes merged, both towers as graphs, without the base."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from semclip.files import write_atomic
from semclip.relevance.checkpoint import IMAGE, TEXT, TOKENIZER, Config, CropSettings, write_config
from semclip.training.crops.module import CropsModule
from semclip.training.crops.opening import rebuild
from semclip.training.export import Graph, export_graph, write_weights
from semclip.training.lora import merged_weights
from semclip.training.tokens import Tokens

LARGE = 50_000_000
"""From so many weights on, the file holds float16: scores of a scale of 100 move by some hundredths."""
_TOLERANCES = {False: 1e-4, True: 5e-3}


class ImageGraph(nn.Module):
    """uint8 (n, h, w, 3) -> (n, d) of length 1."""

    def __init__(self, parts: CropsModule) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.parts.heads.image(self.parts.crop_features(pixels))
        return features


class TextGraph(nn.Module):
    """int64 (1, T) -> (d,) of length 1."""

    def __init__(self, parts: CropsModule) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, ids: Tensor) -> Tensor:
        features: Tensor = self.parts.heads.text(self.parts.text_features(ids))
        return features[0]


def save(parts: CropsModule, tokens: Tokens, folder: Path) -> None:
    """Nothing; `folder` then holds the ψ. `parts`, on any device and in training or not, stay as they are.

    Raises: ModelError where the graphs do not give what the towers give.
    """
    towers, heads = parts.towers, parts.heads
    still = rebuild(towers.architecture, towers.preprocess, tokens)
    still.load_state_dict(merged_weights(parts))
    half = sum(weight.numel() for weight in still.parameters()) >= LARGE
    write_weights(still, folder, half=half)
    export_graph(_image_graph(still, _TOLERANCES[half]), folder / IMAGE)
    export_graph(_text_graph(still, tokens, _TOLERANCES[half]), folder / TEXT)
    write_atomic(folder / TOKENIZER, tokens.content)
    size, mean, std = towers.preprocess.size, towers.preprocess.mean, towers.preprocess.std
    scale, bias = float(heads.log_scale.detach().exp()), float(heads.bias.detach())
    encoder = CropSettings(size.width, size.height, mean, std, scale, bias)
    write_config(folder, Config(encoder, tokens.runtime.text, model=towers.architecture))


def _image_graph(parts: CropsModule, tolerance: float) -> Graph:
    size = parts.towers.preprocess.size
    generator = torch.Generator().manual_seed(0)
    shape = (5, size.height, size.width, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return Graph(
        ImageGraph(parts),
        example=(pixels[:2],),
        other=(pixels[2:],),
        inputs=("pixels",),
        outputs=("features",),
        dynamic_axes={"pixels": {0: "crops"}, "features": {0: "crops"}},
        tolerance=tolerance,
    )


def _text_graph(parts: CropsModule, tokens: Tokens, tolerance: float) -> Graph:
    padded = tokens.runtime.text.pad_to is not None
    return Graph(
        TextGraph(parts),
        example=(tokens("the number"),),
        other=(tokens("where is the small red car?"),),
        inputs=("ids",),
        outputs=("feature",),
        dynamic_axes={} if padded else {"ids": {1: "length"}},
        tolerance=tolerance,
    )
