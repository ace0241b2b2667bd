"""The dense ψ as it stands in training, to measure it: torch instead of the exported graphs, the same scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semclip.geometry import Box, Size
from semclip.relevance.dense import input_size, weigh
from semclip.training.dense.model import Towers
from semclip.training.dense.module import DenseModule
from semclip.training.tokens import Tokens
from semclip.types import Floats, Picture, Regions, Weighed


@dataclass(frozen=True, eq=False)
class TorchDense:
    """Its fingerprint is no hash of the weights: regions are not to be kept longer than the weights stand still."""

    module: DenseModule
    tokens: Tokens
    look: Callable[[Picture], Tensor]
    """A picture -> (h, w, d) features of its cells."""
    name: str = "training"
    fingerprint: str = "training"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        with torch.inference_mode():
            features = self.look(image).float().cpu()
        height, width, _ = features.shape
        flat = features.flatten(0, 1).numpy()
        return Regions(image.size, tuple(boxes), flat, self.fingerprint, Size(width, height))

    def score(self, question: str, regions: Regions, /) -> Floats:
        return self.weigh(question, regions).scores

    def weigh(self, question: str, regions: Regions, /) -> Weighed:
        with torch.inference_mode():
            device = self.module.towers.log_scale.device
            queries_5D = self.module.towers.ask(self.tokens(question).to(device))[0].cpu().numpy()
        assert regions.grid is not None
        answers_HW5 = (regions.features @ queries_5D.T).reshape(regions.grid.height, regions.grid.width, 5)
        scoring = self.module.scoring
        terms = {"sharpness": scoring.sharpness, "size_weight": scoring.size_weight}
        return weigh(answers_HW5, regions.boxes, regions.size, **terms)


def see(towers: Towers, area_px: int, picture: Picture) -> Tensor:
    """(h, w, d) the features of a picture's cells, at that input area."""
    seen: Tensor = towers.image(pixels_of(picture, area_px, towers.log_scale.device))
    return seen[0].permute(1, 2, 0)


def pixels_of(picture: Picture, area_px: int, device: torch.device) -> Tensor:
    """(1, 3, H, W) what a dense network of that input area reads of a picture."""
    pixels = picture.resized(input_size(picture.size, area_px))
    return torch.tensor(pixels, device=device)[None].permute(0, 3, 1, 2).float()
