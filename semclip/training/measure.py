"""How often a ψ under training is right on mined rows: by the rewards they have, whatever reader gave them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from semclip import images
from semclip.evaluation.metrics import bootstrap_means, first_rank, percentile_interval, sign_flip_p_value
from semclip.mining.rewards import POSITIVE
from semclip.mining.store import MinedRow
from semclip.protocols import Relevance, weigh
from semclip.selection import Choice, choose
from semclip.types import Floats, Scored, Weighed

Row = TypeVar("Row")
MOST = 2
"""Crops that are chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One ψ on dev rows: `ranks` (n,) is the place, from 1, of each row's first chosen positive, inf where none is.

    `pictures` (n,) numbers the picture of each row.
    """

    ranks: Floats
    pictures: np.ndarray

    def rate(self, k: int) -> float:
        """The share of rows with a positive among the first k; 0 without rows."""
        return float((self.ranks <= k).mean()) if len(self.ranks) else 0.0

    def interval(self, k: int) -> tuple[float, float] | None:
        """Of `rate`, 95 %, by bootstrap over pictures; None without rows."""
        if not len(self.ranks):
            return None
        low, high = percentile_interval(
            bootstrap_means((self.ranks <= k)[:, None].astype(float), self.pictures, seed=0)
        )
        return float(low[0]), float(high[0])

    def p_value(self, other: Measured, k: int) -> float:
        """Two-sided p of "both hit equally often" on the same rows; see metrics.sign_flip_p_value."""
        gains = (self.ranks <= k).astype(np.int64) - (other.ranks <= k)
        return sign_flip_p_value(np.bincount(self.pictures, gains).astype(np.int64)) if len(gains) else 1.0


def measure(psi: Relevance, rows: Sequence[MinedRow]) -> Measured:
    """How ψ chooses among the boxes whose reward each row knows; rows without a positive are left out."""
    asked = [row for row in rows if row.positives]
    numbers = {digest: number for number, digest in enumerate(dict.fromkeys(row.digest for row in asked))}
    found = [(_rank(row, said), numbers[row.digest]) for row, said in judge(psi, asked)]
    return Measured(np.array([rank for rank, _ in found]), np.array([number for _, number in found], np.int64))


def judge(psi: Relevance, rows: Sequence[MinedRow]) -> Iterator[tuple[MinedRow, Weighed]]:
    """Each row with what ψ says of its boxes, picture by picture."""
    groups: dict[str, list[MinedRow]] = defaultdict(list)
    for row in rows:
        groups[row.digest].append(row)
    for group in groups.values():
        boxes = tuple(dict.fromkeys(box for row in group for box in row.boxes))
        regions = psi.embed(images.load(group[0].image), boxes)
        place = {box: index for index, box in enumerate(boxes)}
        for row in group:
            scores, worth = weigh(psi, row.question, regions)
            own = [place[box] for box in row.boxes]
            yield row, Weighed(scores[own], None if worth is None else worth[:, own])


def _rank(row: MinedRow, said: Weighed) -> float:
    scored = [Scored(*pair) for pair in zip(row.boxes, said.scores.tolist(), strict=True)]
    rewards = dict(zip(row.boxes, row.rewards.tolist(), strict=True))
    chosen = choose(scored, Choice(MOST), size=row.size, worth=said.worth)
    return first_rank(np.array([rewards[one.box] >= POSITIVE for one in chosen], bool))


def spread(rows: Sequence[Row], most: int, *, picture: Callable[[Row], Hashable]) -> list[Row]:
    """The rows of at most `most` pictures, evenly spread over all; `picture` tells a row's."""
    pictures = list(dict.fromkeys(map(picture, rows)))
    step = max(1.0, len(pictures) / most)
    kept = {pictures[int(place * step)] for place in range(min(most, len(pictures)))}
    return [row for row in rows if picture(row) in kept]
