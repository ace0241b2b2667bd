"""One picture at many scales: each is made once, from the smallest that is still large enough.

Crops of one size are cut from sheets: the part of the picture that holds them, resized in one go.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image as PILImage

from semclip.geometry import Box, Size
from semclip.images.decoding import Source
from semclip.images.levels import Level, Region
from semclip.types import Pixels

_HALVED_GAP = 3.0
"""How many times finer than a sheet a halved level must be: a box filter made it, and rounding adds to that."""
_LONE_GAP = 2.0
"""The same for a window that shares its sheet with none, and so would cost as much as a crop of its own."""
_SHEET_GAP = 2.0
"""The same for a sheet as the source of another, since the very filter of the result made it."""
_PHASES = 16
"""Windows that fall on the same sixteenth of an output pixel share a sheet."""
_SHEET_WASTE = 1.5
"""A sheet holds at most so many times the pixels of the crops that are cut from it."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Windows of one size that lie on one lattice: resized together, then cut apart."""

    region: Region
    size: Size
    indices: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    """Of each window on the sheet, (x, y)."""

    @property
    def source_scale(self) -> float:
        """Original pixels per pixel that a halved level may have to be the source of this sheet."""
        left, top, right, bottom = self.region
        scale = min((right - left) / self.size.width, (bottom - top) / self.size.height)
        return scale / (_HALVED_GAP if len(self.indices) > 1 else _LONE_GAP)

    def cut(self, image: PILImage, crops: Pixels) -> None:
        """Fill this sheet's places in `crops` from `image`, which shows the sheet."""
        pixels = np.asarray(image)
        for index, (x, y) in zip(self.indices, self.offsets, strict=True):
            crop = crops[index]
            crop[:] = pixels[y : y + crop.shape[0], x : x + crop.shape[1]]


class Pyramid:
    """The levels of one source, kept once made; several threads may ask at once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._levels: dict[int, Level] = {}
        self._lock = threading.Lock()

    def full(self) -> PILImage:
        """Every pixel of the original; not to be changed."""
        return self._level(0).image

    def resized(self, size: Size) -> PILImage:
        """The whole picture, from the smallest level that is no smaller than `size`."""
        whole = self._source.size
        scale = min(whole.width / size.width, whole.height / size.height)
        return self._finer(scale).resized(Region.of(whole.box), size)

    def crops(self, boxes: Sequence[Box], size: Size) -> Pixels:
        """Each box at `size`, (n, size.height, size.width, 3)."""
        crops = np.empty((len(boxes), size.height, size.width, 3), np.uint8)
        made: list[Level] = []
        # The finest first: the picture is then decoded once, and coarse sheets find finer ones to be made from.
        for sheet in sorted(_sheets(boxes, size), key=lambda sheet: sheet.source_scale):
            image = self._best(sheet, made).resized(sheet.region, sheet.size)
            sheet.cut(image, crops)
            if len(sheet.indices) > 1:
                made.append(Level(image, sheet.region))
        return crops

    def _best(self, sheet: _Sheet, made: Sequence[Level]) -> Level:
        """The coarsest level that is fine enough for `sheet`."""
        for level in reversed(made):
            if level.serves(sheet.region, sheet.size, gap=_SHEET_GAP):
                return level
        return self._finer(sheet.source_scale)

    def _finer(self, scale: float) -> Level:
        """The coarsest level of at most `scale` original pixels per pixel; the original where there is none."""
        return self._level(max(0, int(scale).bit_length() - 1))

    def _level(self, halvings: int) -> Level:
        with self._lock:
            finer = [made for made in self._levels if made <= halvings]
            start = max(finer, default=min(halvings, self._source.halvings))
            if start not in self._levels:
                self._levels[start] = self._source.decode(start)
            for step in range(start, halvings):
                self._levels[step + 1] = self._levels[step].halved()
            return self._levels[halvings]


def _sheets(boxes: Sequence[Box], size: Size) -> list[_Sheet]:
    """Every box on one sheet, few sheets in all, none of them wasteful."""
    lattices: dict[tuple[Size, int, int], list[int]] = {}
    for index, box in enumerate(boxes):
        phase = _phase(box.left, size.width, box.size.width), _phase(box.top, size.height, box.size.height)
        lattices.setdefault((box.size, *phase), []).append(index)
    sheets: list[_Sheet] = []
    for indices in lattices.values():
        shared = _sheet(boxes, indices, size)
        frugal = shared.size.area <= _SHEET_WASTE * len(indices) * size.area
        sheets += [shared] if frugal else [_sheet(boxes, [index], size) for index in indices]
    return sheets


def _phase(start: int, steps: int, length: int) -> int:
    """Where `start` falls between two pixels of the result, in parts of _PHASES."""
    return round(start * steps % length * _PHASES / length) % _PHASES


def _sheet(boxes: Sequence[Box], indices: Sequence[int], size: Size) -> _Sheet:
    window = boxes[indices[0]].size
    scale_x, scale_y = window.width / size.width, window.height / size.height
    left, top = min(boxes[index].left for index in indices), min(boxes[index].top for index in indices)
    offsets = tuple(
        (round((boxes[index].left - left) / scale_x), round((boxes[index].top - top) / scale_y)) for index in indices
    )
    width, height = max(x for x, _ in offsets) + size.width, max(y for _, y in offsets) + size.height
    region = Region(left, top, left + width * scale_x, top + height * scale_y)
    return _Sheet(region, Size(width, height), tuple(indices), offsets)
