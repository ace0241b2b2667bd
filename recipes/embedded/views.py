"""Where the teachers look in a picture, and how what they find there is put together: fractions of its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.pictures import Fractions
from semclip.types import Floats

TILE = 0.6
"""Of the picture's sides; four of them overlap in the middle."""
LARGE_PX = 400
"""Long side from which a picture is also looked at larger and in tiles."""
SMALL_SIDE_PX, LARGE_SIDE_PX = 320, 512
"""Long side of what the detector sees; it was trained at the smaller."""
MARGIN = 0.02
"""Of a part's sides: a box that comes as near to a border inside the picture is taken for cut."""
OVERLAP = 0.5
"""IoU from which two boxes of a class are of one thing."""
KEPT_SCORE = 0.25
"""Of a thing in the look that shows it best."""
SMALLEST_PX = 48
"""Of a classified window."""


@dataclass(frozen=True, slots=True)
class Look:
    """A part of the picture as the detector sees it."""

    part: Fractions = (0.0, 0.0, 1.0, 1.0)
    side_px: int = SMALL_SIDE_PX
    mirrored: bool = False

    def lift(self, boxes: Floats) -> Floats:
        """(N, 4) boxes, fractions of what is seen, as fractions of the picture."""
        if self.mirrored:
            boxes = (boxes * (-1, 1, -1, 1) + (1, 0, 1, 0))[:, [2, 1, 0, 3]]
        start, end = np.array(self.part[:2] * 2), np.array(self.part[2:] * 2)
        lifted: Floats = start + boxes * (end - start)
        return lifted

    def shows(self, boxes: Floats) -> NDArray[np.bool_]:
        """(N,) which boxes of the picture it does not cut."""
        start, end = np.array(self.part[:2]), np.array(self.part[2:])
        margin = MARGIN * (end - start)
        inside = ((start == 0) | (boxes[:, :2] >= start + margin)) & ((end == 1) | (boxes[:, 2:] <= end - margin))
        rows: NDArray[np.bool_] = np.asarray(inside.all(1))
        return rows


def looks(size: tuple[int, int]) -> list[Look]:
    """How the detector sees a picture: whole and mirrored; a large one also larger and in four tiles."""
    whole = [Look(), Look(mirrored=True)]
    if max(size) < LARGE_PX:
        return whole
    starts = (0.0, 1 - TILE)
    tiles = [Look((x, y, x + TILE, y + TILE)) for y in starts for x in starts]
    return [*whole, Look(side_px=LARGE_SIDE_PX), *tiles]


def windows(rng: np.random.Generator, size: tuple[int, int], count: int) -> list[list[float]]:
    """The whole picture and random parts of it, 0.2 to 0.9 of the sides, some narrow and some wide."""
    least = min(0.9, max(0.2, SMALLEST_PX / min(size)))
    drawn = [[0.0, 0.0, 1.0, 1.0]]
    for _ in range(count):
        width, height = (rng.uniform(least, 0.9) * rng.uniform(0.8, 1.2, 2)).clip(least, 1)
        x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
        drawn.append([round(float(v), 4) for v in (x, y, x + width, y + height)])
    return drawn


def fuse(boxes: Floats, scores: Floats, seen_by: NDArray[np.intp], taken: Sequence[Look]) -> list[tuple[Floats, float]]:
    """The things that boxes of one class show, (N, 4) fractions of the picture, best first in any look.

    Boxes that overlap are one thing, at the best of them. Its score is the mean over the looks that could see it: what
    shows in one of them only is doubtful.
    """
    things = []
    left = np.argsort(-scores, kind="stable")
    while len(left) and scores[left[0]] >= KEPT_SCORE:
        best = boxes[left[0]]
        near = iou(best, boxes[left]) >= OVERLAP
        tops = np.zeros(len(taken))
        np.maximum.at(tops, seen_by[left[near]], scores[left[near]])
        could = [top > 0 or bool(look.shows(best[None])[0]) for top, look in zip(tops, taken, strict=True)]
        things.append((best, float(tops.sum() / sum(could))))
        left = left[~near]
    return things


def iou(box: Floats, boxes: Floats) -> Floats:
    """(N,) shared area over that of both, of one box with each of (N, 4).

    >>> iou(np.array([0, 0, 2, 2]), np.array([[0, 0, 2, 1], [5, 5, 6, 6]])).round(2)
    array([0.5, 0. ])
    """
    shared = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None).prod(1)
    shares: Floats = shared / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared + 1e-9)
    return shares
