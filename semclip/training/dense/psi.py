"""The dense ψ as it stands in training, to measure it: torch instead of the exported graphs, the same scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semclip.geometry import Box, Size
from semclip.relevance.dense import box_scores, input_size
from semclip.training.dense.model import Towers
from semclip.training.dense.module import DenseModule
from semclip.training.tokens import Tokens
from semclip.types import Floats, Picture, Regions


@dataclass(frozen=True, eq=False)
class TorchDense:
    """Its fingerprint is no hash of the weights: regions are not to be kept longer than the weights stand still."""

    module: DenseModule
    tokens: Tokens
    look: Callable[[Picture], Tensor]
    """A picture -> (h, w, d) unit features of its cells."""
    name: str = "training"
    fingerprint: str = "training"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        with torch.inference_mode():
            features = self.look(image).float().cpu()
        height, width, _ = features.shape
        flat = features.flatten(0, 1).numpy()
        return Regions(image.size, tuple(boxes), flat, self.fingerprint, Size(width, height))

    def score(self, question: str, regions: Regions, /) -> Floats:
        with torch.inference_mode():
            device = self.module.towers.log_scale.device
            query, _ = self.module.towers.text(self.tokens(question).to(device))
            query = query[0] * self.module.towers.scale
        assert regions.grid is not None
        heat = (regions.features @ query.cpu().numpy()).reshape(regions.grid.height, regions.grid.width)
        scoring = self.module.scoring
        return box_scores(
            heat, regions.boxes, regions.size, sharpness=scoring.sharpness, size_weight=scoring.size_weight
        )


def see(towers: Towers, area_px: int, picture: Picture) -> Tensor:
    """(h, w, d) the unit features of a picture's cells, at that input area."""
    seen: Tensor = towers.image(pixels_of(picture, area_px, towers.log_scale.device))
    return seen[0].permute(1, 2, 0)


def pixels_of(picture: Picture, area_px: int, device: torch.device) -> Tensor:
    """(1, 3, H, W) what a dense network of that input area reads of a picture."""
    pixels = picture.resized(input_size(picture.size, area_px))
    return torch.tensor(pixels, device=device)[None].permute(0, 3, 1, 2).float()
