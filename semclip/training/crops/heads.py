"""The small part that is always tuned: a linear map over each tower's features, and scale and bias of their cosine."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semclip.training.learner import Batch, Logits, own


class Residual(nn.Module):
    """x + A x, scaled to length 1. A is 0 at first: features of length 1 come out as they went in."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.change = nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.change.weight)

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(features + self.change(features), dim=-1)


class Heads(nn.Module):
    """Reads features of length 1: `features` (P, N, d), `questions` (Q, d), and `picture` (Q,).

    And, where some question has one, `altered` (Q, d) with `has_altered` (Q,).
    """

    def __init__(self, dim: int, *, log_scale: float = 0.0, bias: float = 0.0) -> None:
        super().__init__()
        self.image, self.text = Residual(dim), Residual(dim)
        self.log_scale = nn.Parameter(torch.tensor(log_scale))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, batch: Batch) -> Logits:
        picture_Q = batch["picture"]
        # A cosine of half precision, times a scale of 100, would tell hardly any crops of a picture apart.
        with torch.autocast(picture_Q.device.type, enabled=False):
            images_PND = self.image(batch["features"].float())
            texts_QD = self.text(batch["questions"].float())
            across = self._scaled(torch.einsum("qd,pnd->qpn", texts_QD, images_PND))
            inside = own(across, picture_Q)
            if "altered" not in batch:
                return Logits(inside, across)
            others_QD = self.text(batch["altered"].float())
            altered = self._scaled(torch.einsum("qd,qnd->qn", others_QD, images_PND[picture_Q]))
            return Logits(inside, across, altered.where(batch["has_altered"][:, None], torch.nan))

    def _scaled(self, cosines: Tensor) -> Tensor:
        return self.log_scale.exp() * cosines + self.bias
