"""What training minimises: losses as free functions of logits and targets, and their sum over a batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.embedded.batches import NAMELESS
from recipes.embedded.looks import LOOK
from recipes.embedded.module import Read
from semclip.training.dense.heat import picture_logits, place_logits, voted
from semclip.training.dense.module import Scoring
from semclip.training.learner import Batch
from semclip.training.loop import Parts
from semclip.training.objectives import infonce

WEIGHTS = {
    "spatial": 1.0,
    "choice": 1.0,
    "extent": 0.5,
    "presence": 1.0,
    "there": 0.2,
    "naming": 2.0,
    "teacher": 1.0,
    "look": 1.0,
    "meaning": 0.5,
    "foresight": 3.0,
}
"""How much each part counts."""
SCHOOL = {"naming": 1.0, "teacher": 0.5, "look": 3.0, "meaning": 1.0, "foresight": 4.0}
"""The same where nothing else is taught."""
SHARP, CONTRAST = 10.0, 0.2
"""Of likenesses: what cosines are multiplied by, and how much the contrast counts."""
SHIFT = -6.0
"""Of the logits, where each cell is asked on its own: nearly all cells show nothing that is asked for."""
SCORING = Scoring(sharpness=1.0, size_weight=0.5, temperature=0.2)
"""How boxes are scored while training. A close-up pays twice what a quarter of the picture pays and is a quarter of its
size: at a size weight of a half, the box that is expected to pay more scores higher."""


def loss(module: nn.Module, batch: Batch) -> Parts:
    """Every part that the batch has targets for, by name, and their weighted sum under `all`."""
    read = module(batch)
    return weighed(found(read, batch) | known(read, batch), WEIGHTS)


def school(module: nn.Module, batch: Batch) -> Parts:
    """As `loss`, of names and looks alone: where they compete with the rest, they are hardly learnt."""
    return weighed(known(module(batch), batch), SCHOOL)


def weighed(parts: Parts, weights: Mapping[str, float]) -> Parts:
    """The parts, and their weighted sum under `all`."""
    return {**parts, "all": torch.stack([weights[name] * value for name, value in parts.items()]).sum()}


def found(read: Read, batch: Batch) -> dict[str, Tensor]:
    """The parts that tell where the evidence of the questions is."""
    shares = per_canvas(batch["canvas"], len(read.features))
    pairs = zip(torch.split(read.queries, shares), read.features, strict=True)
    answers_Q5HW = torch.cat([torch.einsum("qad,dhw->qahw", queries, features) for queries, features in pairs])
    heat_QC = answers_Q5HW[:, 0].flatten(1)
    return {
        "spatial": spatial(heat_QC, batch["target"]),
        "choice": choice(answers_Q5HW, batch["windows"], batch["reward"]),
        "extent": extent(answers_Q5HW, batch),
        "presence": presence(heat_QC + SHIFT, batch["target"]),
        "there": there(picture_logits(answers_Q5HW[:, 0]), batch["target"]),
    }


def known(read: Read, batch: Batch) -> dict[str, Tensor]:
    """The parts that tell what pieces are called, and what teachers see."""
    parts = {}
    features_BDC = read.features.flatten(2)
    if read.names is not None:
        pieces_MD = pool(features_BDC, batch["shown"], batch["shown_canvas"])
        target_MK = F.one_hot(batch["shown_name"], len(read.names)).float()
        parts["naming"] = naming(pieces_MD, read.names, target_MK)
    if read.classes is not None:
        pieces_MD = pool(features_BDC, batch["taught"], batch["taught_canvas"])
        parts["teacher"] = naming(pieces_MD, read.classes, batch["taught_share"])
    if "look" in batch:
        pieces_MD = pool(features_BDC, batch["looked"], batch["looked_canvas"])[:, :LOOK]
        parts["look"] = likeness(pieces_MD, batch["look"])
        called = batch["looked_name"] != NAMELESS
        if read.names is not None and called.sum() > 1:
            names_MD = read.names[batch["looked_name"][called], :LOOK]
            parts["meaning"] = likeness(names_MD, batch["look"][called])
    if read.maps:
        parts["foresight"] = torch.stack([foresight(*pair) for pair in read.maps]).mean()
    return parts


def choice(answers_Q5HW: Tensor, windows_N4: Tensor, reward_QN: Tensor) -> Tensor:
    """Negative log of the expected reward of a window drawn by its score: what `semclip train` minimises, too."""
    terms = {"sharpness": SCORING.sharpness, "size_weight": SCORING.size_weight}
    logits_QN = place_logits(answers_Q5HW, windows_N4, **terms) / SCORING.temperature
    return infonce(logits_QN, reward_QN, torch.ones_like(reward_QN, dtype=torch.bool))


def extent(answers_Q5HW: Tensor, batch: Batch) -> Tensor:
    """Mean negative log of the IoU (UnitBox, arXiv 1608.01471) of what cells of evidence vote for; 0 without any."""
    row, cell = batch["voter_row"], batch["voter_cell"]
    voted_V4 = voted(answers_Q5HW[:, 1:]).flatten(1, 2)[row, cell]
    true_V4 = batch["voter_box"]
    low, high = torch.maximum(voted_V4[:, :2], true_V4[:, :2]), torch.minimum(voted_V4[:, 2:], true_V4[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    both = (voted_V4[:, 2:] - voted_V4[:, :2]).prod(1) + (true_V4[:, 2:] - true_V4[:, :2]).prod(1) - shared
    return -((shared + 1e-6) / (both + 1e-6)).log().sum() / max(1, len(row))


def there(logits_Q: Tensor, target_QC: Tensor) -> Tensor:
    """Binary cross-entropy of whether what a question asks for is in its canvas at all."""
    return F.binary_cross_entropy_with_logits(logits_Q, (target_QC.sum(1) > 0).float())


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


def naming(pieces_MD: Tensor, names_KD: Tensor, target_MK: Tensor) -> Tensor:
    """Cross-entropy of names by the heat of a piece, against shares that sum to 1 a row: contrastive over names."""
    return -(target_MK * (pieces_MD @ names_KD.T).log_softmax(1)).sum(1).mean()


def likeness(guess_MD: Tensor, look_MD: Tensor) -> Tensor:
    """How far guesses are from unit looks: their cosine distance, and a contrast among the pieces of the batch.

    The contrast is with how alike the looks themselves are.
    """
    guess_MD = F.normalize(guess_MD, dim=1)
    alike_MM = (SHARP * look_MD @ look_MD.T).softmax(1)
    contrast = -(alike_MM * (SHARP * guess_MD @ look_MD.T).log_softmax(1)).sum(1).mean()
    return 1 - (guess_MD * look_MD).sum(1).mean() + CONTRAST * contrast


def foresight(guess_BCHW: Tensor, seen_BCHW: Tensor) -> Tensor:
    """Mean cosine distance of what cells should see, each channel counted in its deviations from its mean.

    Matching the maps of a trained network teaches more than its labels do (FitNets, arXiv 1412.6550).
    """
    deviation, mean = torch.std_mean(seen_BCHW, dim=(0, 2, 3), keepdim=True)
    target = ((seen_BCHW - mean) / (deviation + 1e-6)).clamp(-4, 4)
    return (1 - F.cosine_similarity(guess_BCHW, target, dim=1)).mean()


def pool(features_BDC: Tensor, masks_MC: Tensor, canvas_M: Tensor) -> Tensor:
    """(M, D): the mean feature under each mask."""
    groups = torch.split(masks_MC, per_canvas(canvas_M, len(features_BDC)))
    return torch.cat([masks @ features.T for masks, features in zip(groups, features_BDC, strict=True)])


def per_canvas(canvas_N: Tensor, count: int) -> list[int]:
    """How many rows belong to each canvas; rows are in order of canvas."""
    return torch.bincount(canvas_N, minlength=count).tolist()
