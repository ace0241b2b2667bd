"""ψ that look at no pixel: chance, the centre crop, the 2x2 tiles, and the oracle that knows the answer's box.

Every real ψ is measured against these. Their features are one column of nothing much; all they need is the boxes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np

from semclip.errors import InputError
from semclip.geometry import Box, Size, intersection_area
from semclip.types import Floats, Picture, Regions


def _digest(*parts: object) -> str:
    # A question from a command line may hold lone surrogates, which strict UTF-8 has no bytes for.
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="surrogatepass")).hexdigest()


def _uniform(*parts: object) -> float:
    """A number in [0, 1) that depends on `parts` only."""
    return int(_digest(*parts)[:13], 16) / 16**13


def _bare_regions(image: Picture, boxes: Sequence[Box], encoder: str) -> Regions:
    return Regions(image.size, tuple(boxes), np.zeros((len(boxes), 1), np.float32), encoder)


def _only_nearest(regions: Regions, targets: Sequence[Box]) -> Floats:
    """0, -1, ... for the candidate with the best IoU to each target in turn, -inf for all others."""
    scores = np.full(len(regions), -np.inf)
    for rank, target in enumerate(targets[: len(regions)]):
        overlaps = np.where(np.isneginf(scores), _ious(regions.boxes, target), -1.0)
        scores[int(np.argmax(overlaps))] = -rank
    return scores


def _ious(boxes: Sequence[Box], target: Box) -> Floats:
    """`geometry.iou` of every box with the target."""
    left, top, right, bottom = np.array([box.to_list() for box in boxes], np.float64).T
    width = np.clip(np.minimum(right, target.right) - np.maximum(left, target.left), 0, None)
    height = np.clip(np.minimum(bottom, target.bottom) - np.maximum(top, target.top), 0, None)
    shared = width * height
    overlaps: Floats = shared / ((right - left) * (bottom - top) + target.area - shared)
    return overlaps


@dataclass(frozen=True)
class Random:
    """Chance: uniform scores, the same whenever seed, pixels, box and question are the same."""

    seed: int = 0
    name: str = "random"

    @property
    def fingerprint(self) -> str:
        return _digest("random 1", self.seed)

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        rows = [[_uniform(self.seed, image.digest, box.to_list())] for box in boxes]
        return Regions(image.size, tuple(boxes), np.array(rows, np.float64).reshape(-1, 1), self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return np.array([_uniform(float(feature).hex(), question) for feature in regions.features[:, 0]])


@dataclass(frozen=True)
class Center:
    """The candidate nearest to the centred box of half the width and half the height, and no other."""

    name: str = "center"

    @property
    def fingerprint(self) -> str:
        return _digest("center 1")

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return _bare_regions(image, boxes, self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return _only_nearest(regions, [center_box(regions.size)])


@dataclass(frozen=True)
class Tiles:
    """The candidates nearest to the four 2x2 tiles, in reading order, and no others: what AnyRes feeds."""

    name: str = "tiles"

    @property
    def fingerprint(self) -> str:
        return _digest("tiles 1")

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return _bare_regions(image, boxes, self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return _only_nearest(regions, tile_boxes(regions.size))


@dataclass(frozen=True)
class Oracle:
    """The upper bound: 2 for a box that hits an evidence box tightly, 1 for one that hits it, 0 for the rest."""

    evidence: tuple[Box, ...]
    size: Size
    name: str = "oracle"

    @property
    def fingerprint(self) -> str:
        return _digest("oracle 1", self.size, *(box.to_list() for box in self.evidence))

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return _bare_regions(image, boxes, self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return np.array([self._grade(box) for box in regions.boxes], np.float64)

    def _grade(self, box: Box) -> int:
        # Integers only: a box of exactly a quarter, or one that covers exactly 90 %, must count on every machine.
        if not any(10 * intersection_area(target, box) >= 9 * target.area for target in self.evidence):
            return 0
        return int(4 * box.area <= self.size.area) + int(16 * box.area <= self.size.area)


def center_box(size: Size) -> Box:
    """The centred box of half the width and half the height.

    >>> center_box(Size(8, 4))
    Box(left=2, top=1, right=6, bottom=3)
    """
    width, height = max(1, size.width // 2), max(1, size.height // 2)
    left, top = (size.width - width) // 2, (size.height - height) // 2
    return Box(left, top, left + width, top + height)


def tile_boxes(size: Size) -> tuple[Box, ...]:
    """The four 2x2 tiles in reading order; fewer where a side is a single pixel.

    >>> [box.to_list() for box in tile_boxes(Size(4, 2))]
    [[0, 0, 2, 1], [2, 0, 4, 1], [0, 1, 2, 2], [2, 1, 4, 2]]
    """
    columns = sorted({0, size.width // 2, size.width})
    rows = sorted({0, size.height // 2, size.height})
    return tuple(Box(left, top, right, bottom) for top, bottom in pairwise(rows) for left, right in pairwise(columns))


def no_evidence() -> NoReturn:
    """Never returns: the oracle exists only where the evidence is known.

    Raises: InputError, always.
    """
    raise InputError("psi oracle needs the evidence of a log, which one image has not; use it in: semclip eval")
