"""A dense ψ on ONNX Runtime: one pass over the image serves every box and every question.

One pass gives features for every cell of `stride` x `stride` network pixels; a question is one short pass. Their
products are the heat of a cell and the box that it votes for; a box is scored by the votes it holds against its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint.config import DenseSettings
from semclip.relevance.checkpoint.runtime import Runtime
from semclip.relevance.dense import input_size, weigh
from semclip.types import Floats, Picture, Regions, Weighed


@dataclass(frozen=True)
class DensePsi:
    """ψ as heat over the cells of an image."""

    name: str
    fingerprint: str
    runtime: Runtime
    settings: DenseSettings

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One dense pass over the image, whatever the number of boxes; features are float16."""
        pixels = image.resized(input_size(image.size, self.settings.area_px))
        height, width = (side // self.settings.stride for side in pixels.shape[:2])
        features = self.runtime.encode_image(pixels, rows=height * width)
        return Regions(image.size, tuple(boxes), features, self.fingerprint, Size(width, height))

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) see dense.weigh; scores of one question compare across boxes and images."""
        return self.weigh(question, regions).scores

    def weigh(self, question: str, regions: Regions, /) -> Weighed:
        """See dense.weigh."""
        if regions.encoder != self.fingerprint:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        answers, settings = self.answers(question, regions), self.settings
        terms = {"sharpness": settings.sharpness, "size_weight": settings.size_weight}
        return weigh(answers, regions.boxes, regions.size, **terms)

    def heat(self, question: str, regions: Regions) -> Floats:
        """(grid.height, grid.width) logits that a cell shows what the question asks for."""
        return self.answers(question, regions)[..., 0]

    def answers(self, question: str, regions: Regions) -> Floats:
        """(grid.height, grid.width, 5) heat of each cell, and how far what it sees extends: see dense.weigh."""
        if regions.grid is None:
            raise InputError("a heat map needs dense regions, got one row per box")
        return self.runtime.match(question, regions.features).reshape(regions.grid.height, regions.grid.width, 5)
