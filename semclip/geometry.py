"""Sizes and boxes in integer pixels, and how they overlap.

Knows nothing of images, models or scores. The frame is always the EXIF-corrected image: origin top left, right and
bottom exclusive.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from semclip.errors import GeometryError


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise GeometryError(f"a size needs both sides >= 1 px, got {self.width}x{self.height}")

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def box(self) -> Box:
        """The box that covers everything."""
        return Box(0, 0, self.width, self.height)

    def fit(self, long_side_px: int) -> Size:
        """This size shrunk, aspect ratio kept, until its long side is at most `long_side_px`; never enlarged.

        >>> Size(4000, 1000).fit(400)
        Size(width=400, height=100)
        """
        scale = min(1.0, long_side_px / max(self.width, self.height))
        return Size(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A non-empty rectangle of pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        if self.left >= self.right or self.top >= self.bottom or self.left < 0 or self.top < 0:
            raise GeometryError(f"a box needs 0 <= left < right and 0 <= top < bottom, got {list(astuple(self))}")

    @property
    def size(self) -> Size:
        return Size(self.right - self.left, self.bottom - self.top)

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def center(self) -> tuple[float, float]:
        """The middle, (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def within(self, size: Size) -> bool:
        """Whether the whole box lies inside an image of `size`."""
        return self.right <= size.width and self.bottom <= size.height

    def to_list(self) -> list[int]:
        """[left, top, right, bottom], the form of logs and JSON."""
        return [self.left, self.top, self.right, self.bottom]


def intersection_area(a: Box, b: Box) -> int:
    """Pixels that both boxes hold.

    >>> intersection_area(Box(0, 0, 4, 4), Box(2, 3, 9, 9))
    2
    """
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return max(0, width) * max(0, height)


def coverage(target: Box, by: Box) -> float:
    """The share of `target`'s pixels that `by` holds, 0 to 1.

    >>> coverage(Box(0, 0, 10, 1), by=Box(5, 0, 100, 100))
    0.5
    """
    return intersection_area(target, by) / target.area


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1.

    >>> iou(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == 2 / 6
    True
    """
    shared = intersection_area(a, b)
    return shared / (a.area + b.area - shared)
