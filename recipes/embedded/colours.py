"""What colour a thing has, from its pixels: names that only the attribute tells apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from recipes.embedded.pictures import COLOURS, Fractions
from semclip.types import Pixels

INNER = 0.6
"""Of a box's sides that is looked at: its edges show what is behind the thing."""
DOMINANT, RARE = 0.5, 0.15
"""Shares of its pixels: a thing has a colour from the first, and is surely of another up to the second."""
SIDE_PX = 24
"""Of what is looked at."""


def by_colour(pixels: Pixels, boxes: Sequence[Fractions]) -> dict[str, tuple[Fractions, ...]]:
    """The boxes of each colour that some of them have and all others surely have not."""
    shares = [colour_shares(pixels, box) for box in boxes]
    found = {}
    for index, colour in enumerate(COLOURS):
        has = [share[index] >= DOMINANT for share in shares]
        if any(has) and all(own or share[index] <= RARE for own, share in zip(has, shares, strict=True)):
            found[colour] = tuple(box for box, own in zip(boxes, has, strict=True) if own)
    return found


def colour_shares(pixels: Pixels, box: Fractions) -> list[float]:
    """The share of the pixels inside a box that are nearest to each of COLOURS, in CIELAB."""
    height, width = pixels.shape[:2]
    x, y = (1 - INNER) / 2 * (box[2] - box[0]), (1 - INNER) / 2 * (box[3] - box[1])
    inner = (box[0] + x) * width, (box[1] + y) * height, (box[2] - x) * width, (box[3] - y) * height
    part = Image.fromarray(pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX, box=inner)
    seen, known = _lab(np.asarray(part)), _lab(np.array([list(COLOURS.values())], np.uint8))
    nearest = np.square(seen[:, None] - known[None]).sum(-1).argmin(1)
    shares: list[float] = (np.bincount(nearest, minlength=len(COLOURS)) / len(seen)).tolist()
    return shares


def _lab(pixels: Pixels) -> np.ndarray:
    """(n, 3) CIELAB under D65, the lightness at half its weight: a shadow changes no colour's name."""
    linear = np.where(pixels > 10, ((pixels / 255 + 0.055) / 1.055) ** 2.4, pixels / 255 / 12.92).reshape(-1, 3)
    xyz = linear @ np.array([[0.4339, 0.2126, 0.0178], [0.3762, 0.7152, 0.1095], [0.1899, 0.0722, 0.8727]])
    x, y, z = np.cbrt(xyz).T
    return np.stack([0.5 * (116 * y - 16), 500 * (x - y), 200 * (y - z)], axis=1)
