"""Colours with the names that questions call them by, and how light changes them."""

from __future__ import annotations

import colorsys
import random

Rgb = tuple[int, int, int]

NAMED: dict[str, Rgb] = {
    "red": (200, 38, 40),
    "blue": (36, 84, 176),
    "green": (38, 128, 68),
    "yellow": (238, 196, 40),
    "orange": (232, 122, 32),
    "purple": (116, 62, 150),
    "pink": (232, 128, 168),
    "white": (240, 240, 236),
    "black": (34, 34, 38),
    "brown": (120, 78, 48),
    "turquoise": (44, 164, 164),
}


def mixed(a: Rgb, b: Rgb, share: float) -> Rgb:
    """`share` of the way from `a` to `b`.

    >>> mixed((0, 0, 0), (200, 100, 50), 0.5)
    (100, 50, 25)
    """
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def lighter(colour: Rgb, share: float) -> Rgb:
    """`colour` moved towards white."""
    return mixed(colour, (255, 255, 255), share)


def darker(colour: Rgb, share: float) -> Rgb:
    """`colour` moved towards black."""
    return mixed(colour, (0, 0, 0), share)


def varied(colour: Rgb, rng: random.Random, *, amount: float = 0.04) -> Rgb:
    """`colour` in a slightly other shade that still has its name."""
    hue, light, strength = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    hue = (hue + rng.uniform(-0.25, 0.25) * amount) % 1
    light = min(1.0, max(0.0, light + rng.uniform(-amount, amount)))
    red, green, blue = (round(255 * channel) for channel in colorsys.hls_to_rgb(hue, light, strength))
    return red, green, blue


def readable_on(colour: Rgb) -> Rgb:
    """Near-black or near-white, whichever stands out more."""
    red, green, blue = colour
    return (24, 24, 28) if 0.3 * red + 0.59 * green + 0.11 * blue > 135 else (246, 244, 238)
