"""What training minimises: losses as free functions of logits and targets, and their sum over a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.embedded.module import Read
from semclip.training.learner import Batch
from semclip.training.loop import Parts

WEIGHTS = {"spatial": 1.0, "presence": 1.0, "naming": 0.3, "teacher": 0.4}
"""How much each part counts."""
SHIFT = -6.0
"""Of the logits, where each cell is asked on its own: nearly all cells show nothing that is asked for."""


def loss(module: nn.Module, batch: Batch) -> Parts:
    """What `total` makes of the batch as the module reads it."""
    return total(module(batch), batch)


def total(read: Read, batch: Batch) -> dict[str, Tensor]:
    """Every part of the loss that the batch has targets for, by name, and their weighted sum under `all`."""
    shares = per_canvas(batch["canvas"], len(read.features))
    pairs = zip(torch.split(read.queries, shares), read.features, strict=True)
    logits_QC = read.scale * torch.cat([queries @ features for queries, features in pairs])
    parts = {
        "spatial": spatial(logits_QC, batch["target"]),
        "presence": presence(logits_QC + read.biases[:, None] + SHIFT, batch["target"]),
    }
    if read.names is not None:
        pieces_MD = pool(read.features, batch["shown"], batch["shown_canvas"])
        target_MK = F.one_hot(batch["shown_name"], len(read.names)).float()
        parts["naming"] = naming(pieces_MD, read.names, target_MK, read.scale)
    if read.classes is not None:
        pieces_MD = pool(read.features, batch["taught"], batch["taught_canvas"])
        parts["teacher"] = naming(pieces_MD, read.classes, batch["taught_share"], read.scale)
    return parts | {"all": torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum()}


def spatial(logits_NC: Tensor, target_NC: Tensor) -> Tensor:
    """Mean of two contrasts over the places of one image; rows without evidence do not count, 0 where all are.

    One is the cross-entropy of a softmax over all cells against each cell's share of the evidence, the other the
    negative log of the whole mass on evidence.

    >>> spatial(torch.tensor([[9.0, -9.0]]), torch.tensor([[1.0, 0.0]])).item() < 1e-6
    True
    """
    asked = target_NC.sum(1) > 0
    shares = logits_NC[asked].log_softmax(1)
    target = target_NC[asked]
    inside = shares.masked_fill(target <= 0, -torch.inf).logsumexp(1)
    return (-(target * shares).sum(1) - inside).sum() / (2 * asked.sum().clamp(min=1))


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


def pool(features_BDC: Tensor, masks_MC: Tensor, canvas_M: Tensor) -> Tensor:
    """(M, D): the mean feature under each mask."""
    groups = torch.split(masks_MC, per_canvas(canvas_M, len(features_BDC)))
    return torch.cat([masks @ features.T for masks, features in zip(groups, features_BDC, strict=True)])


def per_canvas(canvas_N: Tensor, count: int) -> list[int]:
    """How many rows belong to each canvas; rows are in order of canvas."""
    return torch.bincount(canvas_N, minlength=count).tolist()
