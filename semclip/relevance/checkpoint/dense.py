"""A dense ψ on ONNX Runtime: one pass over the image serves every box and every question.

One pass gives a unit feature for every cell of `stride` x `stride` network pixels; a question is one short pass. The
heat of a cell is the scaled dot product of the two, and a box is scored by the evidence it holds against its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint.config import DenseSettings
from semclip.relevance.checkpoint.runtime import Runtime
from semclip.relevance.dense import box_scores, input_size
from semclip.types import Floats, Picture, Regions


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
        """(n,) see dense.box_scores; scores of one question compare across boxes and images."""
        if regions.encoder != self.fingerprint:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        heat, settings = self.heat(question, regions), self.settings
        terms = {"sharpness": settings.sharpness, "size_weight": settings.size_weight}
        return box_scores(heat, regions.boxes, regions.size, **terms)

    def heat(self, question: str, regions: Regions) -> Floats:
        """(grid.height, grid.width) logits that a cell shows what the question asks for."""
        if regions.grid is None:
            raise InputError("a heat map needs dense regions, got one row per box")
        return self.runtime.match(question, regions.features).reshape(regions.grid.height, regions.grid.width)
