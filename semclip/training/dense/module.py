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
        features, queries_QD = self._features(batch), self._queries(batch["ids"])
        others_QD = self._queries(batch["altered_ids"]) if "altered_ids" in batch else None
        # Logits reach 40, where bfloat16 counts in quarters.
        with torch.autocast(queries_QD.device.type, enabled=False):
            return self._logits(batch, features, queries_QD, others_QD)

    def _logits(self, batch: Batch, features: list[Tensor], queries_QD: Tensor, others_QD: Tensor | None) -> Logits:
        boxes, owner_Q = batch["boxes"], batch["picture"]
        across = torch.stack([self._of(one, queries_QD, box) for one, box in zip(features, boxes, strict=True)], dim=1)
        inside = own(across, owner_Q)
        if others_QD is None:
            return Logits(inside, across)
        altered = [self._of(one, others_QD[owner_Q == p], boxes[p]) for p, one in enumerate(features)]
        return Logits(inside, across, torch.cat(altered).where(batch["has_altered"][:, None], torch.nan))

    def _of(self, features_DHW: Tensor, queries_QD: Tensor, boxes_N4: Tensor) -> Tensor:
        """(Q, N) the scores of one picture's boxes, and with them whether the picture shows what is asked for."""
        heat_QHW, scoring = torch.einsum("qd,dhw->qhw", queries_QD, features_DHW), self.scoring
        terms = {"sharpness": scoring.sharpness, "size_weight": scoring.size_weight}
        return place_logits(heat_QHW, boxes_N4, **terms) / scoring.temperature + picture_logits(heat_QHW)[:, None]

    def _features(self, batch: Batch) -> list[Tensor]:
        """Unit features of every picture's cells, (D, h, w) each, float32."""
        if "pixels" in batch:
            pixels = batch["pixels"].permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
            return list(self.towers.image(pixels).float())
        sizes = batch["grids"].tolist()
        maps = torch.split(batch["trunk"], [height * width for height, width in sizes])
        shaped = (one.T.reshape(1, -1, *size) for one, size in zip(maps, sizes, strict=True))
        return [self.towers.image.top(one)[0].float() for one in shaped]

    def _queries(self, ids: Tensor) -> Tensor:
        """(Q, D) unit queries times the scale, float32."""
        queries, _ = self.towers.text(ids)
        scaled: Tensor = queries.float() * self.towers.scale
        return scaled
