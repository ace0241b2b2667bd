"""What training minimises, as free functions of logits and targets. Knows no module, file or optimiser.

Axes: Q questions, P pictures, N boxes of a picture, M whatever a question is compared with, K positive pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from semclip.errors import InputError
from semclip.mining.rewards import POSITIVE
from semclip.training.learner import Batch, Logits, own

Kind = Literal["infonce", "siglip"]


@dataclass(frozen=True, slots=True)
class Objective:
    """How the contrasts are weighed.

    `across` and `text` are weights beside the 1 of "inside"; 0 leaves a part out. Logits are divided by `temperature`.
    Boxes with a reward of at least `positive` are wanted, those of at most `negative` are not; what is between is
    neither. A box of another picture is taken for a false negative, and left out, where its logit exceeds that of the
    best positive by more than `false_negative_margin`; None leaves none out.
    """

    kind: Kind = "infonce"
    across: float = 0.25
    text: float = 0.1
    temperature: float = 1.0
    positive: float = POSITIVE
    negative: float = 0.4
    false_negative_margin: float | None = 5.0

    def __post_init__(self) -> None:
        if self.temperature <= 0 or self.across < 0 or self.text < 0:
            raise InputError(f"an objective needs a temperature > 0 and weights >= 0, got {self}")
        if not 0 <= self.negative < self.positive <= 1:
            raise InputError(f"an objective needs 0 <= negative < positive <= 1, got {self}")


def infonce(logits_QM: Tensor, target_QM: Tensor, valid_QM: Tensor) -> Tensor:
    """Mean over the rows that have a target of the negative log of the expected target; 0 where none has.

    The expectation is that of a softmax over the row's valid entries. With targets of 0 and 1 this is MIL-NCE (arXiv
    1912.06430, eq. 1): any positive suffices, which is what choosing the best crop asks for; soft targets weigh them.

    >>> logits, target = torch.tensor([[0.0, 0.0, 0.0, 9.0]]), torch.tensor([[1.0, 0.5, 0.0, 0.0]])
    >>> loss = infonce(logits, target, torch.tensor([[True, True, True, False]]))
    >>> round(loss.exp().item(), 3)  # a third of 1 and a third of 0.5
    2.0
    """
    target_QM = target_QM.where(valid_QM, 0)
    asked = target_QM.sum(1) > 0
    target, valid = target_QM[asked], valid_QM[asked]
    shares = logits_QM[asked].masked_fill(~valid, -torch.inf).log_softmax(1)
    wanted = target > 0
    worth = shares + target.masked_fill(~wanted, 1).log()
    return -worth.masked_fill(~wanted, -torch.inf).logsumexp(1).sum() / asked.sum().clamp(min=1)


def sigmoid_pairs(logits_QM: Tensor, target_QM: Tensor, valid_QM: Tensor) -> Tensor:
    """Binary cross-entropy of each valid pair on its own against a target of 0 to 1 (SigLIP, arXiv 2303.15343).

    A row weighs one over its positives, and the sum is divided by the weight of all positives. SigLIP learns a bias for
    the odds of a negative; here the log of the batch's odds is subtracted, so that logits of 0 cost about what they do
    in `infonce`. Rows without a target count as negatives.

    >>> loss = sigmoid_pairs(torch.zeros(1, 4), torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.ones(1, 4).bool())
    >>> round(loss.item(), 3)  # = log(1 + 3) + 3 log(1 + 1/3)
    2.249
    """
    target_QM = target_QM.where(valid_QM, 0)
    weight_QM = valid_QM / target_QM.sum(1, keepdim=True).clamp(min=1)
    positives = (weight_QM * target_QM).sum().clamp(min=1)
    odds = (weight_QM * (1 - target_QM)).sum() / positives
    logits_QM = logits_QM.masked_fill(~valid_QM, 0) - odds.clamp(min=1).log()
    return F.binary_cross_entropy_with_logits(logits_QM, target_QM, weight_QM, reduction="sum") / positives


def contrastive(logits: Logits, batch: Batch, terms: Objective) -> dict[str, Tensor]:
    """The losses by part, and their weighted sum as "all"; a part without logits or weight is missing.

    "inside": the boxes of the question's own picture; those of unknown reward count neither way. "across": also the
    boxes of the batch's other pictures, save pictures where the same is asked. "text": the question against its altered
    one and those of other pictures, on each positive box.
    """
    logits = _tempered(logits, terms.temperature)
    rewards = batch["rewards"]
    target = rewards.where(rewards >= terms.positive, 0)
    known = (target > 0) | (rewards <= terms.negative)
    lose = {"infonce": infonce, "siglip": sigmoid_pairs}[terms.kind]
    parts = {"inside": lose(logits.inside, target, known)}
    total = parts["inside"]
    if logits.across is not None and terms.across > 0:
        foreign = _foreign(logits.across, target, batch, margin=terms.false_negative_margin)
        is_own = F.one_hot(batch["picture"], foreign.shape[1]).bool()[..., None]
        spread, valid = target[:, None].where(is_own, 0), known[:, None].where(is_own, foreign)
        parts["across"] = lose(logits.across.flatten(1), spread.flatten(1), valid.flatten(1))
        total = total + terms.across * parts["across"]
    if logits.across is not None and logits.altered is not None and terms.text > 0:
        parts["text"] = _told_apart(logits.across, logits.altered, target=target, batch=batch)
        total = total + terms.text * parts["text"]
    return {**parts, "all": total}


def _tempered(logits: Logits, temperature: float) -> Logits:
    across, altered = (None if part is None else part.float() / temperature for part in logits[1:])
    return Logits(logits.inside.float() / temperature, across, altered)


def _foreign(across_QPN: Tensor, target_QN: Tensor, batch: Batch, *, margin: float | None) -> Tensor:
    """(Q, P, N) bool: the boxes of other pictures that are negatives of a question."""
    foreign_QPN = batch["valid"] & ~batch["alike"][..., None]
    if margin is None:
        return foreign_QPN
    wanted_QN = target_QN > 0
    limit_Q = own(across_QPN, batch["picture"]).masked_fill(~wanted_QN, -torch.inf).amax(1) + margin
    limit_Q = limit_Q.masked_fill(~wanted_QN.any(1), torch.inf)
    return foreign_QPN & ~(across_QPN > limit_Q[:, None, None])


def _told_apart(across_QPN: Tensor, altered_QN: Tensor, *, target: Tensor, batch: Batch) -> Tensor:
    """Mean over the questions with an altered one of the cross-entropy of the right question for each positive box."""
    picture_Q, alike_QP = batch["picture"], batch["alike"]
    target_QN = target.where(~altered_QN.isnan(), 0)
    question_K, box_K = target_QN.nonzero(as_tuple=True)
    picture_K = picture_Q[question_K]
    own_K, altered_K = own(across_QPN, picture_Q)[question_K, box_K], altered_QN[question_K, box_K]
    rivals_QK = across_QPN[:, picture_K, box_K].masked_fill(alike_QP[:, picture_K], -torch.inf)
    weight_K = (target_QN / target_QN.sum(1, keepdim=True))[question_K, box_K]
    right_K = torch.cat([own_K[None], altered_K[None], rivals_QK]).log_softmax(0)[0]
    return -(weight_K * right_K).sum() / target_QN.any(1).sum().clamp(min=1)
