"""The joint ψ as it stands in training, to measure it: torch instead of the exported graphs, the same scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from semclip.geometry import Box
from semclip.relevance.checkpoint import JointSettings
from semclip.relevance.dense import fractions
from semclip.relevance.reranking import reranked
from semclip.training.dense.psi import TorchDense
from semclip.training.joint.model import Joint
from semclip.training.tokens import Tokens
from semclip.types import Floats, Picture, Regions


@dataclass(frozen=True, eq=False)
class TorchJoint:
    """See TorchDense."""

    towers: TorchDense
    joint: Joint
    tokens: Tokens
    settings: JointSettings
    name: str = "training"
    fingerprint: str = "training"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return self.towers.embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        first = self.towers.score(question, regions)
        read = partial(self._read, question, regions, first)
        most, overlap = self.settings.rerank, self.settings.overlap
        return reranked(regions.boxes, first, read, most=most, max_overlap=overlap)

    def _read(self, question: str, regions: Regions, first: Floats, tried: list[int]) -> Floats:
        device = self.joint.log_scale.device
        assert regions.grid is not None
        features = regions.features.astype(np.float32).reshape(regions.grid.height, regions.grid.width, -1)
        boxes = fractions([regions.boxes[index] for index in tried], regions.size)
        with torch.inference_mode():
            scores: Tensor = self.joint(
                torch.from_numpy(features).to(device),
                self.tokens(question).to(device),
                torch.from_numpy(boxes).to(device),
                torch.from_numpy(first[tried].astype(np.float32)).to(device),
            )
        return scores.cpu().numpy().astype(np.float64)
