"""The ψ as it stands in training: torch instead of the exported graphs, the same scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from semclip.errors import InputError
from semclip.geometry import Box
from semclip.training.crops.features import Features
from semclip.training.crops.heads import Heads
from semclip.types import Floats, Picture, Regions


@final
@dataclass(frozen=True, eq=False)
class TorchCrops:
    """Regions hold what the towers say, and the heads come in with the question: tuning them leaves regions valid."""

    features: Features
    heads: Heads
    name: str = "training"

    @property
    def fingerprint(self) -> str:
        return self.features.encoder.fingerprint

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One row of the towers' per box. Raises: InputError without boxes."""
        if not boxes:
            raise InputError("embed needs at least one box, got none")
        rows = self.features.boxes(image.digest, boxes, lambda: image)
        return Regions(image.size, tuple(boxes), rows, self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) float32 logits. Raises: InputError for regions of other towers."""
        if regions.encoder != self.fingerprint or regions.grid is not None:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        device = self.heads.bias.device
        batch = {
            "features": torch.as_tensor(regions.features, device=device)[None],
            "questions": torch.as_tensor(self.features.question(question), device=device)[None],
            "picture": torch.zeros(1, dtype=torch.int64, device=device),
        }
        with torch.inference_mode():
            logits: Tensor = self.heads(batch).inside[0]
        scores: Floats = logits.cpu().numpy()
        return scores
