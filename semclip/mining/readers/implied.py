"""What places where an answer was read say of every candidate box: most need no pass of their own.

Knows boxes, edges and rewards; nothing of how the places were found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semclip.geometry import Box
from semclip.mining.readers.matching import Edges
from semclip.types import Floats

COVERED = 0.9
"""A box that covers so much of a place shows it."""
TOUCHED = 0.1
"""A box that covers less of a place than this shows nothing of it."""
PARTIAL = 0.2
"""The reward of a box that shows a part of a place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer was read, in pixels of the image, and what it is worth to read it.

    `long_side_px`: of the box in which it was read. As every crop is shown at one size, a box that is no longer shows
    the place at least as large.
    """

    edges: Edges
    long_side_px: int
    reward: float


def implied_rewards(boxes: Sequence[Box], places: Sequence[Place], tried: Mapping[int, float]) -> Floats:
    """(n,) float32 rewards, NaN where not known: of `tried` boxes, by index, what they were seen to be worth.

    Of the others, by the first rule that applies:

    - a box that covers a place and is no longer than the one in which it was read: the best reward of such places;
    - a box that covers a place but is longer: NaN, for whether it can be read there is not known;
    - a box that covers a part of a place: `PARTIAL`;
    - with no place NaN, for the answer may be there and illegible; else 0.

    >>> boxes = [Box(0, 0, 40, 40), Box(0, 0, 20, 20), Box(0, 0, 80, 80), Box(0, 0, 20, 5), Box(50, 0, 90, 40)]
    >>> implied_rewards(boxes, [Place((0, 0, 20, 10), 40, 1.0)], {0: 1.0})
    array([1. , 1. , nan, 0.2, 0. ], dtype=float32)
    """
    values = _untried(boxes, places) if places else np.full(len(boxes), np.nan, np.float32)
    for index, reward in tried.items():
        values[index] = reward
    return values


def _untried(boxes: Sequence[Box], places: Sequence[Place]) -> Floats:
    box_N4 = np.array([box.to_list() for box in boxes], np.float64)
    place_P4 = np.array([place.edges for place in places], np.float64)
    share_NP = _shares(box_N4, place_P4)
    long_side_N = (box_N4[:, 2:] - box_N4[:, :2]).max(axis=1)
    legible_NP = long_side_N[:, None] <= [place.long_side_px for place in places]
    shown_NP = share_NP >= COVERED
    best_N = np.where(shown_NP & legible_NP, [place.reward for place in places], -1).max(axis=1)
    rules = [best_N >= 0, shown_NP.any(axis=1), (share_NP >= TOUCHED).any(axis=1)]
    values: Floats = np.select(rules, [best_N, np.full(len(boxes), np.nan), np.full(len(boxes), PARTIAL)], 0.0)
    return values.astype(np.float32)


def _shares(box_N4: Floats, place_P4: Floats) -> Floats:
    """(n, p) the share of each place that each box covers."""
    low = np.maximum(box_N4[:, None, :2], place_P4[:, :2])
    high = np.minimum(box_N4[:, None, 2:], place_P4[:, 2:])
    shared_NP = np.maximum(high - low, 0).prod(axis=-1)
    shares: Floats = shared_NP / (place_P4[:, 2:] - place_P4[:, :2]).prod(axis=-1)
    return shares
