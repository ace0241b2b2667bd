"""A drawing surface in resolution-free units, which remembers nothing but its pixels.

It is twice as fine as the picture it gives, so that edges come out smooth.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from recipes.scenes.area import Area, Point
from recipes.scenes.paint import Rgb
from semclip import Box, Size

Ink = Rgb | tuple[int, int, int, int]
"""A colour, with an opacity of 0 to 255 as an optional fourth number."""

_FINENESS = 2
_UNITS_HIGH = 1000
_TRIAL_PX = 64


@dataclass(frozen=True, slots=True)
class Lettering:
    """How words look: `align` is 0 for left, 0.5 for centred, 1 for right; `turned` letters read upwards.

    `even` keeps room for descenders, so that all words on equally high lines get equal letters and one baseline.
    """

    ink: Ink
    bold: bool = False
    align: float = 0.5
    turned: bool = False
    even: bool = False


class Canvas:
    """Pixels to draw on, 1000 units high."""

    def __init__(self, size: Size, rng: random.Random, fonts: Sequence[str | os.PathLike[str]]) -> None:
        self.size = size
        self._rng = rng
        self._fonts: tuple[str | None, ...] = (None, *(os.fspath(font) for font in fonts))
        self._face = self._fonts[0]
        self._pixel = size.height * _FINENESS / _UNITS_HIGH
        self._image = Image.new("RGB", (size.width * _FINENESS, size.height * _FINENESS))
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    @property
    def area(self) -> Area:
        return Area(0, 0, _UNITS_HIGH * self.size.width / self.size.height, _UNITS_HIGH)

    def change_face(self) -> None:
        """Draws the words that follow in another of the fonts."""
        self._face = self._rng.choice(self._fonts)

    def rectangle(self, area: Area, ink: Ink, *, radius: float = 0.0) -> None:
        corners = self._corners(area)
        if corners[2] >= corners[0] and corners[3] >= corners[1]:
            self._draw.rounded_rectangle(corners, radius * self._pixel, fill=ink)

    def ellipse(self, area: Area, ink: Ink) -> None:
        self._draw.ellipse(self._corners(area), fill=ink)

    def polygon(self, points: Sequence[Point], ink: Ink) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=ink)

    def line(self, points: Sequence[Point], ink: Ink, *, width: float) -> None:
        width_px = max(1, round(width * self._pixel))
        self._draw.line([self._at(point) for point in points], fill=ink, width=width_px, joint="curve")

    def arc(self, area: Area, ink: Ink, *, start_degrees: float, end_degrees: float, width: float) -> None:
        width_px = max(1, round(width * self._pixel))
        self._draw.arc(self._corners(area), start_degrees, end_degrees, fill=ink, width=width_px)

    def gradient(self, area: Area, top: Rgb, bottom: Rgb, *, radius: float = 0.0) -> None:
        """Fills `area` from one colour at its top to another at its bottom."""
        left, above, right, below = self._corners(area)
        size = (right - left + 1, below - above + 1)
        ramp = Image.fromarray(np.linspace(top, bottom, 64).round().astype(np.uint8)[:, None]).resize(size)
        mask = None
        if radius:
            mask = Image.new("L", size)
            ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius * self._pixel, fill=255)
        self._image.paste(ramp, (left, above), mask)

    def glow(self, area: Area, colour: Rgb, *, strength: float) -> None:
        """Lays a soft ellipse of `colour` over the area; black ones are shadows."""
        left, above, right, below = self._corners(area)
        size = (max(1, right - left), max(1, below - above))
        mask = _soft_disc().resize(size, Image.Resampling.BILINEAR).point(lambda value: value * strength)
        self._image.paste(colour, (left, above), mask)

    def words(self, area: Area, text: str, lettering: Lettering) -> Box:
        """The pixels of the ink of `text`, set on one line as large as `area` allows."""
        mask = self._line(area, text, lettering)
        left, top, _, _ = self._corners(area)
        x = left + round((area.width * self._pixel - mask.width) * (0.5 if lettering.turned else lettering.align))
        y = top + round((area.height * self._pixel - mask.height) / 2)
        self._image.paste(lettering.ink[:3], (x, y), mask)
        ink = mask.getbbox() or (0, 0, 1, 1)
        return self._clipped(x + ink[0], y + ink[1], x + ink[2], y + ink[3])

    def _line(self, area: Area, text: str, lettering: Lettering) -> Image.Image:
        """A mask of `text` in the largest letters that fit, as high as the line."""
        wide, high = area.width * self._pixel, area.height * self._pixel
        if lettering.turned:
            wide, high = high, wide
        model = "Hg" if lettering.even else text
        trial = _font(self._face, _TRIAL_PX)
        left, _, right, _ = trial.getbbox(text)
        _, top, _, bottom = trial.getbbox(model)
        size_px = max(4, math.floor(_TRIAL_PX * min(wide / (right - left + 8), high / (bottom - top + 4))))
        stroke_px = max(1, round(0.03 * size_px)) if lettering.bold else 0
        mask = _line_of_ink(text, model, _font(self._face, size_px), stroke_px)
        return mask.transpose(Image.Transpose.ROTATE_90) if lettering.turned else mask

    def box(self, area: Area) -> Box:
        """The pixels of the finished picture that `area` touches."""
        left, top = self._at((area.left, area.top))
        right, bottom = self._at((area.right, area.bottom))
        return self._clipped(left, top, right, bottom)

    def photo(self) -> Image.Image:
        """The picture as a camera would see it: darker corners and a little grain."""
        pixels = np.asarray(self._image.reduce(_FINENESS))
        grain = np.random.default_rng(self._rng.randrange(2**32)).normal(0, 3.2, (256, 256, 1)).astype(np.float32)
        high, wide = pixels.shape[:2]
        down, across = np.linspace(-1, 1, high, dtype=np.float32), np.linspace(-1, 1, wide, dtype=np.float32)
        fall_off = 1 - 0.11 * (down[:, None, None] ** 2 + across[None, :, None] ** 2)
        tiles = np.tile(grain, (-(-high // 256), -(-wide // 256), 1))[:high, :wide]
        return Image.fromarray(np.clip(pixels * fall_off + tiles, 0, 255).astype(np.uint8))

    def _clipped(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Fine pixels as a box of the finished picture."""
        x = min(max(0, math.floor(left / _FINENESS)), self.size.width - 1)
        y = min(max(0, math.floor(top / _FINENESS)), self.size.height - 1)
        return Box(
            x,
            y,
            max(x + 1, min(self.size.width, math.ceil(right / _FINENESS))),
            max(y + 1, min(self.size.height, math.ceil(bottom / _FINENESS))),
        )

    def _at(self, point: Point) -> Point:
        return point[0] * self._pixel, point[1] * self._pixel

    def _corners(self, area: Area) -> tuple[int, int, int, int]:
        """First and last pixel, as Pillow's shapes take them."""
        left, top = self._at((area.left, area.top))
        right, bottom = self._at((area.right, area.bottom))
        return round(left), round(top), max(round(left), round(right) - 1), max(round(top), round(bottom) - 1)


@lru_cache(maxsize=512)
def _font(face: str | None, size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px) if face is None else ImageFont.truetype(face, size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("scenes need a Pillow with FreeType; install the wheel from PyPI")
    return font


def _line_of_ink(text: str, model: str, font: ImageFont.FreeTypeFont, stroke_px: int) -> Image.Image:
    """The letters in white on black, as wide as their ink and as high as that of `model`."""
    left, _, right, _ = font.getbbox(text, stroke_width=stroke_px)
    _, top, _, bottom = font.getbbox(model, stroke_width=stroke_px)
    mask = Image.new("L", (math.ceil(right - left) + 2, math.ceil(bottom - top) + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=font, stroke_width=stroke_px)
    return mask


@lru_cache(maxsize=1)
def _soft_disc() -> Image.Image:
    """A disc whose brightness falls from its middle to its rim."""
    side = np.linspace(-1, 1, 128)
    distance = np.minimum(1.0, np.hypot(side[:, None], side[None, :]))
    return Image.fromarray((255 * np.cos(distance * np.pi / 2) ** 2).astype(np.uint8))
