"""Both towers as the loop runs them: a batch of canvases or kept features goes in, logits of boxes come out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from semclip.training.dense.heat import picture_logits, place_logits
from semclip.training.dense.model import Towers
from semclip.training.learner import Batch, Logits, own


@dataclass(frozen=True, slots=True)
class Scoring:
    """How boxes are scored from heat; see relevance/dense.py.

    `temperature` divides the scores while training: they are logs of shares, and a box that holds 0.8 of the evidence
    must fall well behind one that holds it all.
    """

    sharpness: float = 1.5
    size_weight: float = 0.15
    temperature: float = 0.2


class DenseModule(nn.Module):
    """Reads `pixels` (P, H, W, 3) uint8, or what the trunk gave: `trunk` (cells, C), `grids` (P, 2) heights and widths.

    And `ids` (Q, T), `altered_ids` (Q, T) with `has_altered` (Q,), `boxes` (P, N, 4), `picture` (Q,).
    """

    def __init__(self, towers: Towers, scoring: Scoring) -> None:
        super().__init__()
        self.towers, self.scoring = towers, scoring
        self.train()

    @property
    def device(self) -> torch.device:
        return self.towers.log_scale.device

    def train(self, mode: bool = True) -> DenseModule:
        """Batch norms keep the statistics they have: tuning sees too few pictures at a time to make better ones."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self

    def forward(self, batch: Batch) -> Logits:
        features, queries_Q5D = self._features(batch), self.towers.ask(batch["ids"])
        others_Q5D = self.towers.ask(batch["altered_ids"]) if "altered_ids" in batch else None
        # Logits reach 40, where bfloat16 counts in quarters.
        with torch.autocast(queries_Q5D.device.type, enabled=False):
            return self._logits(batch, features, queries_Q5D, others_Q5D)

    def _logits(self, batch: Batch, features: list[Tensor], queries_Q5D: Tensor, others_Q5D: Tensor | None) -> Logits:
        boxes, owner_Q = batch["boxes"], batch["picture"]
        across = torch.stack([self._of(one, queries_Q5D, box) for one, box in zip(features, boxes, strict=True)], dim=1)
        inside = own(across, owner_Q)
        if others_Q5D is None:
            return Logits(inside, across)
        altered = [self._of(one, others_Q5D[owner_Q == p], boxes[p]) for p, one in enumerate(features)]
        return Logits(inside, across, torch.cat(altered).where(batch["has_altered"][:, None], torch.nan))

    def _of(self, features_DHW: Tensor, queries_Q5D: Tensor, boxes_N4: Tensor) -> Tensor:
        """(Q, N) the scores of one picture's boxes, and with them whether the picture shows what is asked for."""
        answers_Q5HW, scoring = torch.einsum("qad,dhw->qahw", queries_Q5D, features_DHW), self.scoring
        terms = {"sharpness": scoring.sharpness, "size_weight": scoring.size_weight}
        there_Q1 = picture_logits(answers_Q5HW[:, 0])[:, None]
        return place_logits(answers_Q5HW, boxes_N4, **terms) / scoring.temperature + there_Q1

    def _features(self, batch: Batch) -> list[Tensor]:
        """Features of every picture's cells, (D, h, w) each, float32."""
        if "pixels" in batch:
            pixels = batch["pixels"].permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
            return list(self.towers.image(pixels).float())
        sizes = batch["grids"].tolist()
        maps = torch.split(batch["trunk"], [height * width for height, width in sizes])
        shaped = (one.T.reshape(1, -1, *size) for one, size in zip(maps, sizes, strict=True))
        return [self.towers.image.top(one)[0].float() for one in shaped]
