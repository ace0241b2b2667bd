"""What training minimises, as free functions of logits and targets."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def spatial(logits_NC: Tensor, target_NC: Tensor) -> Tensor:
    """Mean of two contrasts over the places of one image; rows without evidence do not count.

    One is the cross-entropy of a softmax over all cells against each cell's share of the evidence, the other the
    negative log of the whole mass on evidence.

    >>> spatial(torch.tensor([[9.0, -9.0]]), torch.tensor([[1.0, 0.0]])).item() < 1e-6
    True
    """
    asked = target_NC.sum(1) > 0
    shares = logits_NC[asked].log_softmax(1)
    target = target_NC[asked]
    inside = shares.masked_fill(target <= 0, -torch.inf).logsumexp(1)
    return (-(target * shares).sum(1) - inside).mean() / 2


def presence(logits_NC: Tensor, target_NC: Tensor) -> Tensor:
    """Focal loss (Lin et al. 2017, gamma 2) of every cell on its own, per cell of evidence.

    It makes scores mean the same on every image, and teaches that what is absent is nowhere.
    """
    positive = (target_NC > 0).float()
    rate = logits_NC.sigmoid()
    miss = positive * (1 - rate) + (1 - positive) * rate
    weight = 0.4 * positive + 0.6 * (1 - positive)
    loss = weight * miss**2 * F.binary_cross_entropy_with_logits(logits_NC, positive, reduction="none")
    return loss.sum() / positive.sum().clamp(min=1)


def naming(pieces_MD: Tensor, names_KD: Tensor, target_MK: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of the names given a piece, against shares that sum to 1 a row: contrastive over names."""
    return -(target_MK * (scale * pieces_MD @ names_KD.T).log_softmax(1)).sum(1).mean()
