"""Mined rows before they are trained on: one a question of a picture, and rewards that bear each other out.

A crop may raise the right answer without showing what is asked about: it shows another thing of that colour, or half of
a word that can be guessed. What else was tried tells: evidence lies in one place, and crops that show the place should
be worth something, those that do not should not. A ψ that has learnt from other questions tells what it is called.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from semclip.geometry import Box, Size
from semclip.mining.rewards import POSITIVE
from semclip.mining.store import MinedRow
from semclip.types import Floats

_PLACES, _MOST_PLACES = 48, 256
"""Along each side of a picture: at least, and at most where crops are small."""
_PLACES_OF_A_CROP = 4
"""Along each side of the smallest crop, where that is not too many."""
_WORTHLESS, _WORTH = 0.3, 20.0
"""How much more often a crop has a reward of 0, and of 1, where it shows the place than where it does not; between
them by the power. The first is no counterpart of the second: a reader may not make out what a crop does show."""
_EDGE = 0.25
"""How far into a crop, in its sides, its edge may cut what lies there. An edge of the picture cuts nothing."""
_NOWHERE = 0.05
"""How often there is no such place, before anything is tried."""
_OPEN = 0.2
"""How often it is anywhere, whatever a ψ says."""
_LEAST = 1e-9
"""Of the places that a crop shows: one too small shows none."""
_SHARPNESS = 2.0
"""Of what a ψ says: one under training is less sure than it could be."""


def together(rows: Iterable[MinedRow]) -> list[MinedRow]:
    """Rows that ask the same of a picture as one, in order of first appearance, with the boxes that any of them tried.

    Where two tried the same box, the higher reward stands. All else is as the first has it.
    """
    groups: dict[tuple[str, str, str | None], list[MinedRow]] = defaultdict(list)
    for row in rows:
        groups[row.digest, row.question, row.split].append(row)
    return [_one(group) for group in groups.values()]


def _one(rows: Sequence[MinedRow]) -> MinedRow:
    edges = np.concatenate([row.edges for row in rows])
    rewards = np.concatenate([row.rewards for row in rows])
    _, first, place = np.unique(edges, axis=0, return_index=True, return_inverse=True)
    highest = np.zeros(len(first), np.float32)
    np.maximum.at(highest, place.ravel(), rewards)
    order = np.argsort(first)
    return replace(rows[0], edges=edges[first[order]], rewards=highest[order], passes=sum(row.passes for row in rows))


def agreed(row: MinedRow, opinion: Floats | None = None) -> MinedRow:
    """The same, each positive's reward times how likely it shows the place that all of the row's boxes speak for.

    What stays a positive is what the others, and the `opinion` of a ψ, bear out; see `shown`.
    """
    likely = np.where(row.rewards >= POSITIVE, shown(row.boxes, row.rewards, row.size, opinion), 1.0)
    return replace(row, rewards=(row.rewards * likely).astype(np.float32))


def shown(boxes: Sequence[Box], rewards: Floats, size: Size, opinion: Floats | None = None) -> Floats:
    """(n,) how likely each of `boxes` shows the place of a picture of `size` where the evidence lies, 0 to 1.

    By Bayes' rule from the `rewards` (n,) of all of them, taken for independent: a box that shows the place is
    `_WORTHLESS` to `_WORTH` times as likely to be worth what it is as one that does not. At first every place is
    as likely as any other, or as a ψ has it whose scores are the `opinion` (n,).

    >>> overlapping, apart = (Box(0, 0, 60, 60), Box(20, 20, 80, 80)), Box(0, 60, 40, 100)
    >>> shown((*overlapping, apart), np.array([0.9, 0.9, 0.9]), Size(100, 100)).round(1)
    array([0.6, 0.6, 0.1])
    """
    inside_NHW = _inside(boxes, size)
    speaks_N = _WORTHLESS * (_WORTH / _WORTHLESS) ** rewards.astype(np.float64)
    worth_HW = np.log1p((speaks_N - 1)[:, None, None] * inside_NHW).sum(0)
    most = max(worth_HW.max(), 0.0)
    places_HW: Floats = np.exp(worth_HW - most) * _expected(inside_NHW, opinion)
    shown_N: Floats = (inside_NHW * places_HW).sum((1, 2)) / (places_HW.sum() + _NOWHERE * np.exp(-most))
    return shown_N


def _expected(inside_NHW: Floats, opinion: Floats | None) -> Floats:
    """(H, W) how likely each place is before anything was tried; in all what is not `_NOWHERE`."""
    anywhere = (1 - _NOWHERE) / inside_NHW[0].size
    if opinion is None or not np.isfinite(opinion).any():
        return np.full_like(inside_NHW[0], anywhere)
    drawn_N = np.exp(_SHARPNESS * (opinion.astype(np.float64) - opinion.max()))
    drawn_N /= drawn_N.sum() * np.maximum(inside_NHW.sum((1, 2)), _LEAST)
    there_HW = np.tensordot(drawn_N, inside_NHW, 1)
    expected_HW: Floats = _OPEN * anywhere + (1 - _OPEN) * (1 - _NOWHERE) * there_HW
    return expected_HW


def _inside(boxes: Sequence[Box], size: Size) -> Floats:
    """(n, H, W) how far each box shows each place, 0 to 1: whole from `_EDGE` of its sides on."""
    left, top, right, bottom = np.array([box.to_list() for box in boxes], float).T
    left, right, top, bottom = left / size.width, right / size.width, top / size.height, bottom / size.height
    smallest = min((right - left).min(), (bottom - top).min())
    count = min(max(_PLACES, math.ceil(_PLACES_OF_A_CROP / smallest)), _MOST_PLACES)
    middle = (np.arange(count) + 0.5) / count
    return _along(middle, top, bottom)[:, :, None] * _along(middle, left, right)[:, None, :]


def _along(middle: Floats, low_N: Floats, high_N: Floats) -> Floats:
    """(n, places) the same along one side, for places at `middle`; all are shares of it."""
    from_low = np.where(low_N[:, None] <= 0, np.inf, middle - low_N[:, None])
    to_high = np.where(high_N[:, None] >= 1, np.inf, high_N[:, None] - middle)
    return np.clip(np.minimum(from_low, to_high) / (_EDGE * (high_N - low_N))[:, None], 0, 1)
