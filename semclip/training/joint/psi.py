"""The joint ψ as it stands in training, to measure it: torch instead of the exported graphs, the same scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

from semclip.geometry import Box
from semclip.relevance.checkpoint import JointSettings
from semclip.relevance.dense import fractions
from semclip.relevance.reranking import merged, worth_trying
from semclip.training.dense.psi import TorchDense
from semclip.training.dense.tokens import token_ids
from semclip.training.joint.model import Joint
from semclip.types import Floats, Picture, Regions


@dataclass(frozen=True, eq=False)
class TorchJoint:
    """See TorchDense."""

    towers: TorchDense
    joint: Joint
    tokenizer: Tokenizer
    settings: JointSettings
    name: str = "training"
    fingerprint: str = "training"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return self.towers.embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        first = self.towers.score(question, regions)
        most = self.settings.rerank or len(first)
        tried = worth_trying(regions.boxes, first, most, max_overlap=self.settings.overlap)
        device = self.joint.log_scale.device
        assert regions.grid is not None
        features = regions.features.astype(np.float32).reshape(regions.grid.height, regions.grid.width, -1)
        boxes = fractions([regions.boxes[index] for index in tried], regions.size)
        with torch.inference_mode():
            scores = self.joint(
                torch.from_numpy(features).to(device),
                token_ids(self.tokenizer, [question]).to(device),
                torch.from_numpy(boxes).to(device),
                torch.from_numpy(first[tried].astype(np.float32)).to(device),
            )
        return merged(first, tried, scores.cpu().numpy().astype(np.float64))
