"""Where to look: candidate boxes from an image's size alone.

Pure integer geometry; knows nothing of pixels or questions. Every proposer covers every pixel, stays inside the image,
repeats no box and gives one deterministic order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from semclip.errors import InputError
from semclip.geometry import Box, Size

Fraction = tuple[float, float]
"""A window's width and height as fractions of the image's."""

DEFAULT_WINDOWS: tuple[Fraction, ...] = (
    (1 / 2, 1 / 2),
    (1 / 3, 1 / 3),
    (1 / 4, 1 / 4),
    (1, 1 / 4),
    (1 / 4, 1),
    (3 / 4, 1 / 4),
    (1, 1 / 16),
    (1 / 2, 1 / 8),
    (1 / 8, 1 / 2),
)
"""Windows of the image's own shape, and wide and tall ones so that a line of text fits.

None is larger than a quarter of the image, as a 2x2 tile is; four kinds of the nine hold 1/16 or less. What share of
known evidence some window covers: `semclip eval LOG --psi oracle -k 1`.
"""


@dataclass(frozen=True, slots=True)
class Grid:
    """`columns` x `rows` tiles that share no pixel: what AnyRes feeds is `Grid(2, 2)`."""

    columns: int = 2
    rows: int = 2

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1:
            raise InputError(f"a grid needs at least 1 column and 1 row, got {self.columns}x{self.rows}")

    @property
    def name(self) -> str:
        return f"grid:{self.columns}x{self.rows}"

    def __call__(self, size: Size, /) -> tuple[Box, ...]:
        xs = _cuts(size.width, self.columns)
        ys = _cuts(size.height, self.rows)
        return tuple(Box(x, y, right, bottom) for y, bottom in ys for x, right in xs)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Sliding windows of several shapes at steps of half a window; 232 boxes with the default windows."""

    windows: tuple[Fraction, ...] = DEFAULT_WINDOWS
    step: float = 0.5

    def __post_init__(self) -> None:
        if not self.windows or not all(0 < side <= 1 for window in self.windows for side in window):
            raise InputError(f"windows need fractions in (0, 1], got {self.windows}")
        if not 0 < self.step <= 1:
            raise InputError(f"a step needs to be in (0, 1] windows, or pixels go uncovered, got {self.step}")

    @property
    def name(self) -> str:
        """`pyramid`, with what differs from the default."""
        if self == Pyramid():
            return "pyramid"
        shapes = ",".join(f"{width:.4g}x{height:.4g}" for width, height in self.windows)
        return f"pyramid:{shapes}@{self.step:.4g}"

    def __call__(self, size: Size, /) -> tuple[Box, ...]:
        return tuple(dict.fromkeys(box for window in self.windows for box in self._slide(window, size)))

    def _slide(self, window: Fraction, size: Size) -> list[Box]:
        width, height = _length(window[0], size.width), _length(window[1], size.height)
        xs = _starts(window[0], size.width, self.step)
        ys = _starts(window[1], size.height, self.step)
        return [Box(x, y, x + width, y + height) for y in ys for x in xs]


grid = Grid()
pyramid = Pyramid()


def _cuts(length: int, parts: int) -> list[tuple[int, int]]:
    """`length` in at most `parts` pieces, none empty.

    >>> _cuts(5, 2), _cuts(1, 2)
    ([(0, 2), (2, 5)], [(0, 1)])
    """
    parts = min(parts, length)
    edges = [length * index // parts for index in range(parts + 1)]
    return list(pairwise(edges))


def _length(fraction: float, whole: int) -> int:
    """A window's side, rounded down, so that its area never exceeds its share of the image; at least 1."""
    return max(1, int(fraction * whole + 1e-9))


def _starts(fraction: float, whole: int, step: float) -> list[int]:
    """Evenly spread offsets from 0 to the far edge, at most `step` windows apart.

    The count follows the fraction alone, so it is the same for every image that is not tiny.

    >>> _starts(1 / 4, 100, 0.5)
    [0, 12, 25, 38, 50, 62, 75]
    """
    side = _length(fraction, whole)
    slack = whole - side
    gaps = min(slack, max(ceil((1 - fraction) / (fraction * step) - 1e-9), ceil(slack / max(1, side))))
    return [round(slack * index / gaps) for index in range(gaps + 1)] if gaps else [0]
