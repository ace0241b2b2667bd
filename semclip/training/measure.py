"""How often a ψ under training is right on mined rows: by the rewards they have, whatever reader gave them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from semclip import images
from semclip.evaluation.metrics import bootstrap_means, percentile_interval, sign_flip_p_value
from semclip.geometry import Box, Size
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
    groups: dict[str, list[MinedRow]] = defaultdict(list)
    for row in rows:
        if row.positives:
            groups[row.digest].append(row)
    ranks = [(rank, number) for number, group in enumerate(groups.values()) for rank in _ranks(psi, group)]
    return Measured(np.array([rank for rank, _ in ranks]), np.array([number for _, number in ranks], np.int64))


def _ranks(psi: Relevance, rows: Sequence[MinedRow]) -> list[float]:
    paid = [dict(zip(row.boxes, row.rewards.tolist(), strict=True)) for row in rows]
    boxes = tuple(dict.fromkeys(box for rewards in paid for box in rewards))
    regions = psi.embed(images.load(rows[0].image), boxes)
    places = {box: place for place, box in enumerate(boxes)}
    return [
        _rank(rewards, weigh(psi, row.question, regions), [places[box] for box in rewards], regions.size)
        for row, rewards in zip(rows, paid, strict=True)
    ]


def _rank(rewards: Mapping[Box, float], said: Weighed, places: list[int], size: Size) -> float:
    """Of the boxes that have `rewards`; what ψ said of them stands at `places`."""
    scored = [Scored(*pair) for pair in zip(rewards, said.scores[places].tolist(), strict=True)]
    worth = None if said.worth is None else said.worth[:, places]
    chosen = choose(scored, Choice(MOST), size=size, worth=worth)
    return next((place for place, one in enumerate(chosen, start=1) if rewards[one.box] >= POSITIVE), math.inf)


def spread(rows: Sequence[Row], most: int, *, picture: Callable[[Row], Hashable]) -> list[Row]:
    """The rows of at most `most` pictures, evenly spread over all; `picture` tells a row's."""
    pictures = list(dict.fromkeys(map(picture, rows)))
    step = max(1.0, len(pictures) / most)
    kept = {pictures[int(place * step)] for place in range(min(most, len(pictures)))}
    return [row for row in rows if picture(row) in kept]
