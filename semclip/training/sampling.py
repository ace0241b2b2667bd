"""From mined rows to the batches of a run: which pictures, boxes and questions each step sees.

Stateless: what a step sees is a function of the seed and the step, so a resumed run sees what it would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

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
    """The questions that have a positive and a negative, by picture, in order of first appearance.

    Rows that ask the same of a picture are one question: each adds the boxes that it tried. Where two tried the same
    box, the higher reward stands.
    """
    groups: dict[tuple[str, str], list[MinedRow]] = defaultdict(list)
    for row in rows:
        groups[row.digest, row.question].append(row)
    pictures: dict[str, list[_Told]] = defaultdict(list)
    for (digest, _), group in groups.items():
        told = _Told(group[0], _together(group))
        if min(told.rewards.values()) < POSITIVE <= max(told.rewards.values()):
            pictures[digest].append(told)
    return [_shot(asked) for asked in pictures.values()]


class _Told(NamedTuple):
    """A question, as its first row has it, with what is known of boxes."""

    row: MinedRow
    rewards: Mapping[Box, float]


def _together(rows: Sequence[MinedRow]) -> dict[Box, float]:
    rewards: dict[Box, float] = {}
    for row in rows:
        for box, reward in zip(row.boxes, row.rewards.tolist(), strict=True):
            rewards[box] = max(reward, rewards.get(box, 0.0))
    return rewards


def _shot(asked: Sequence[_Told]) -> Shot:
    boxes = tuple(dict.fromkeys(box for told in asked for box in told.rewards))
    rewards = np.array([[told.rewards.get(box, np.nan) for box in boxes] for told in asked], np.float32)
    first = asked[0].row
    return Shot(first.image, first.digest, first.size, boxes, tuple(told.row.question for told in asked), rewards)


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
