"""A ψ that encodes crop by crop, on ONNX Runtime: what training makes of a CLIP-like model.

A box is squashed to the encoder's input whatever its shape, as in towers.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint.config import CropSettings
from semclip.relevance.checkpoint.runtime import Runtime
from semclip.types import Floats, Picture, Regions

BATCH = 32


@dataclass(frozen=True)
class CropsPsi:
    """ψ as the scaled cosine of a crop and a question."""

    name: str
    fingerprint: str
    runtime: Runtime
    settings: CropSettings

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One unit row per box, encoded in batches. Raises: InputError without boxes."""
        if not boxes:
            raise InputError("embed needs at least one box, got none")
        size = Size(self.settings.width, self.settings.height)
        batches = (boxes[start : start + BATCH] for start in range(0, len(boxes), BATCH))
        rows = [self.runtime.encode_image(image.crops(batch, size), rows=len(batch)) for batch in batches]
        return Regions(image.size, tuple(boxes), np.concatenate(rows), self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) float32 logits. Raises: InputError for regions of another encoder or of a dense grid."""
        if regions.encoder != self.fingerprint:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        if regions.grid is not None:
            raise InputError(f"psi {self.name} needs one row of features per box, got a dense grid of {regions.grid}")
        cosines = self.runtime.match(question, regions.features)
        logits: Floats = cosines * np.float32(self.settings.logit_scale) + np.float32(self.settings.logit_bias)
        return logits
