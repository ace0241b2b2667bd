"""The part of a batch that is the same for every learner: where the boxes are, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from semclip.relevance.dense import fractions
from semclip.training.altered import gist
from semclip.training.learner import Batch, Sample


def common_targets(samples: Sequence[Sample]) -> Batch:
    """`picture`, `rewards`, `valid` and `alike`, as `Batch` says, and `boxes`.

    `boxes` (P, N, 4) float32: left, top, right and bottom as fractions of the picture, 0 where padding. N is the
    largest number of boxes of a picture. Questions are equal up to case, punctuation and articles; a second sample of
    the same pixels is alike to the first whatever it asks.
    """
    widest = max((len(sample.boxes) for sample in samples), default=0)
    asked = [(place, asked) for place, sample in enumerate(samples) for asked in sample.asked]
    rewards = torch.full((len(asked), widest), torch.nan)
    valid = torch.zeros(len(samples), widest, dtype=torch.bool)
    boxes = torch.zeros(len(samples), widest, 4)
    for row, (_, one) in enumerate(asked):
        rewards[row, : len(one.rewards)] = torch.tensor(one.rewards)
    for place, sample in enumerate(samples):
        valid[place, : len(sample.boxes)] = True
        boxes[place, : len(sample.boxes)] = torch.from_numpy(fractions(sample.boxes, sample.size))
    picture = torch.tensor([place for place, _ in asked], dtype=torch.int64)
    return {"picture": picture, "rewards": rewards, "valid": valid, "alike": _alike(samples), "boxes": boxes}


def _alike(samples: Sequence[Sample]) -> torch.Tensor:
    """(Q, P) bool."""
    gists = [[gist(asked.question) for asked in sample.asked] for sample in samples]
    rows = [
        [sample.digest == other.digest or wanted in theirs for other, theirs in zip(samples, gists, strict=True)]
        for sample, own in zip(samples, gists, strict=True)
        for wanted in own
    ]
    return torch.tensor(rows, dtype=torch.bool).reshape(len(rows), len(samples))
