"""From mined rows to the batches of a run: which pictures, boxes and questions each step sees.

Stateless: what a step sees is a function of the seed and the step, so a resumed run sees what it would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.mining.rewards import POSITIVE
from semclip.mining.store import MinedRow
from semclip.training.altered import Alterations, altered_questions
from semclip.training.learner import Asked, Sample
from semclip.types import Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a picture one batch sees, at most."""

    boxes: int
    questions: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture with every box that some row tried, and the rows' rewards for those boxes."""

    image: Path
    digest: str
    size: Size
    boxes: tuple[Box, ...]
    questions: tuple[str, ...]
    rewards: Floats
    """(questions, boxes), NaN where a row did not try a box."""


def shots(rows: Sequence[MinedRow]) -> list[Shot]:
    """The rows that have a positive and a negative, by picture, in order of first appearance."""
    pictures: dict[str, list[MinedRow]] = defaultdict(list)
    for row in rows:
        if 0 < row.positives < len(row.rewards):
            pictures[row.digest].append(row)
    return [_shot(group) for group in pictures.values()]


def _shot(rows: Sequence[MinedRow]) -> Shot:
    told = [dict(zip(row.boxes, row.rewards.tolist(), strict=True)) for row in rows]
    boxes = tuple(dict.fromkeys(box for rewards in told for box in rewards))
    rewards = np.array([[known.get(box, np.nan) for box in boxes] for known in told], np.float32)
    first = rows[0]
    return Shot(first.image, first.digest, first.size, boxes, tuple(row.question for row in rows), rewards)


def whole(pictures: Sequence[Shot]) -> list[Sample]:
    """Every picture with all of its boxes and questions."""
    return [
        Sample(shot.image, shot.digest, shot.size, shot.boxes, tuple(map(Asked, shot.questions, shot.rewards)))
        for shot in pictures
    ]


@dataclass(frozen=True, eq=False)
class Sampler:
    """Batches of `count` pictures whose sizes are of one `kind`; an epoch shows each once, and fills up its batches."""

    shots: Sequence[Shot]
    count: int
    seed: int
    kind: Callable[[Size], Hashable]
    alterations: Alterations
    limits: Limits
    _order: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.shots:
            raise InputError("training needs at least one row with a positive and a negative box, got none")
        object.__setattr__(self, "_order", lru_cache(2)(self._epoch))

    @property
    def per_epoch(self) -> int:
        """Batches of one epoch."""
        return len(self._order(0))

    def __call__(self, number: int) -> list[Sample]:
        """The samples of batch `number` of the run."""
        epoch, place = divmod(number, self.per_epoch)
        rng = Random(f"samples {self.seed} {number}")
        return [self._sample(shot, rng) for shot in self._order(epoch)[place]]

    def _epoch(self, epoch: int) -> list[list[Shot]]:
        rng = Random(f"epoch {self.seed} {epoch}")
        groups: dict[Hashable, list[Shot]] = defaultdict(list)
        for shot in rng.sample(self.shots, len(self.shots)):
            groups[self.kind(shot.size)].append(shot)
        batches = []
        for group in groups.values():
            missing = -len(group) % self.count
            filled = group + rng.choices(group, k=missing)
            batches += [filled[start : start + self.count] for start in range(0, len(filled), self.count)]
        rng.shuffle(batches)
        return batches

    def _sample(self, shot: Shot, rng: Random) -> Sample:
        rows = sorted(rng.sample(range(len(shot.questions)), min(self.limits.questions, len(shot.questions))))
        columns = _columns(shot.rewards[rows], self.limits.boxes, rng)
        asked = [Asked(shot.questions[row], shot.rewards[row, columns]) for row in rows]
        boxes = tuple(shot.boxes[column] for column in columns)
        return Sample(shot.image, shot.digest, shot.size, boxes, altered_questions(asked, self.alterations, rng))


def _columns(rewards: Floats, most: int, rng: Random) -> list[int]:
    """At most `most` boxes, in order: positives of each question, at most half; the rest at random."""
    count = rewards.shape[1]
    if count <= most:
        return list(range(count))
    kept: dict[int, None] = {}
    positives = [
        rng.sample(found, len(found)) for found in (np.flatnonzero(row >= POSITIVE).tolist() for row in rewards)
    ]
    while len(kept) < most // 2 and any(positives):
        kept.update((found.pop(), None) for found in positives if found)
    others = [column for column in range(count) if column not in kept]
    chosen = [*list(kept)[: max(most // 2, 1)], *rng.sample(others, len(others))][:most]
    return sorted(chosen)
