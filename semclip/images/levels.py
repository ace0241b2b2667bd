"""A picture at some scale, and which part of the original it shows, to fractions of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from PIL.Image import Image as PILImage
from PIL.Image import Resampling

from semclip.geometry import Box, Size

_ROUNDING = 1e-6


class Region(NamedTuple):
    """A rectangle of the original, in fractions of a pixel; it may reach beyond the edge."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, box: Box) -> Region:
        return cls(box.left, box.top, box.right, box.bottom)

    def holds(self, other: Region) -> bool:
        """Whether all of `other` lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )


@dataclass(frozen=True, slots=True)
class Level:
    """An RGB picture of `region`."""

    image: PILImage
    region: Region

    @property
    def scale(self) -> tuple[float, float]:
        """Original pixels per pixel of this level, (x, y)."""
        left, top, right, bottom = self.region
        return (right - left) / self.image.width, (bottom - top) / self.image.height

    def serves(self, region: Region, size: Size, *, gap: float) -> bool:
        """Whether this level holds `region`, and is at least `gap` times finer than `region` at `size` would be."""
        left, top, right, bottom = region
        gap_x, gap_y = (right - left) / size.width / self.scale[0], (bottom - top) / size.height / self.scale[1]
        return self.region.holds(region) and min(gap_x, gap_y) > gap * (1 - _ROUNDING)

    def resized(self, region: Region, size: Size) -> PILImage:
        """`region` at `size`; what lies outside this level is left out, and the rest stretched to fill."""
        x, y = self.scale
        left, right = (region.left - self.region.left) / x, (region.right - self.region.left) / x
        top, bottom = (region.top - self.region.top) / y, (region.bottom - self.region.top) / y
        box = (max(0.0, left), max(0.0, top), min(right, self.image.width), min(bottom, self.image.height))
        return self.image.resize((size.width, size.height), Resampling.BICUBIC, box=box)

    def halved(self) -> Level:
        """This level with each side halved, rounded up; the last pixel then reaches beyond the edge."""
        image, (x, y) = self.image.reduce(2), self.scale
        right, bottom = self.region.left + image.width * 2 * x, self.region.top + image.height * 2 * y
        return Level(image, Region(self.region.left, self.region.top, right, bottom))
