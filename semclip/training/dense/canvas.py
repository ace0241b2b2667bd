"""Pictures as a dense network is trained on them: a whole picture or a window of it, fitted into a canvas of one shape.

Boxes go with the pixels; a box that the window cuts is left out, since its reward was given for all of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from semclip.evaluation.metrics import Bools
from semclip.geometry import Box, Size
from semclip.relevance.dense import ALIGN_PX
from semclip.types import Floats, Picture, Pixels

ASPECTS = (0.45, 0.67, 1.0, 1.5, 2.2)
"""Widths over heights of canvases; pictures of a batch share the nearest."""
FILLS = (0, 128, 255)


@dataclass(frozen=True, slots=True)
class Augment:
    """How canvases vary. `zoom`: how often a window is shown instead of the whole picture. `paint`: colours change."""

    zoom: float = 0.5
    least_side: float = 0.4
    stretch: float = 0.06
    paint: bool = True


@dataclass(frozen=True, slots=True)
class Easel:
    """What a picture is drawn on: the canvas's size, and how it varies."""

    shape: Size
    augment: Augment


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Pixels, and the boxes (N, 4) as fractions of them; `kept` (N,) tells boxes that are wholly there."""

    pixels: Pixels
    boxes: Floats
    kept: Bools


def shape_for(size: Size, area_px: int) -> Size:
    """The canvas for pictures of this aspect ratio, of about `area_px` pixels.

    >>> shape_for(Size(4000, 3000), 250_000)
    Size(width=608, height=416)
    """
    aspect = min(ASPECTS, key=lambda one: abs(math.log(one * size.height / size.width)))
    sides = (area_px * aspect) ** 0.5, (area_px / aspect) ** 0.5
    width, height = (max(ALIGN_PX, round(side / ALIGN_PX) * ALIGN_PX) for side in sides)
    return Size(width, height)


def draw(picture: Picture, boxes: Sequence[Box], wanted: Sequence[Box], easel: Easel, rng: Random) -> Canvas:
    """The picture, or a window of it that holds one of `wanted`, fitted somewhere into a canvas."""
    shape, augment = easel.shape, easel.augment
    window = picture.size.box
    if wanted and rng.random() < augment.zoom:
        window = window_around(rng.choice(wanted), picture.size, rng, least=augment.least_side)
    stretch = math.exp(rng.gauss(0, augment.stretch))
    shrink = rng.choice((1.0, 1.0, rng.uniform(0.7, 1.0)))
    scale = min(shape.width / (window.size.width * stretch), shape.height * stretch / window.size.height) * shrink
    inner = Size(
        min(shape.width, max(1, round(window.size.width * scale * stretch))),
        min(shape.height, max(1, round(window.size.height * scale / stretch))),
    )
    x, y = rng.randint(0, shape.width - inner.width), rng.randint(0, shape.height - inner.height)
    pixels = np.full((shape.height, shape.width, 3), rng.choice(FILLS), np.uint8)
    pixels[y : y + inner.height, x : x + inner.width] = picture.crops([window], inner)[0]
    placed, kept = place(boxes, window, Box(x, y, x + inner.width, y + inner.height), shape)
    return Canvas(paint(pixels, rng) if augment.paint else pixels, placed, kept)


def window_around(box: Box, size: Size, rng: Random, *, least: float) -> Box:
    """A random window of the picture, at least `least` of each side, that holds all of `box` where it can."""
    sides = []
    side = rng.uniform(least, 1.0)
    for start, end, full in ((box.left, box.right, size.width), (box.top, box.bottom, size.height)):
        length = min(full, max(end - start, round(full * min(1.0, side * rng.uniform(0.85, 1.18)))))
        low = rng.randint(max(0, end - length), min(start, full - length))
        sides.append((low, low + length))
    (left, right), (top, bottom) = sides
    return Box(left, top, right, bottom)


def place(boxes: Sequence[Box], window: Box, inner: Box, shape: Size) -> tuple[Floats, Bools]:
    """(N, 4) boxes of the picture as fractions of a canvas that shows `window` in `inner`, and (N,) which it holds."""
    edges = np.array([box.to_list() for box in boxes], np.float64).reshape(-1, 4)
    low, high = (window.left, window.top), (window.right, window.bottom)
    kept: Bools = np.all(np.concatenate([edges[:, :2] >= low, edges[:, 2:] <= high], axis=1), axis=1)
    scale = np.array([inner.size.width / window.size.width, inner.size.height / window.size.height] * 2)
    moved = (edges - np.array([window.left, window.top] * 2)) * scale + np.array([inner.left, inner.top] * 2)
    fractions = moved / np.array([shape.width, shape.height] * 2)
    return np.clip(fractions, 0, 1).astype(np.float32), kept


def paint(pixels: Pixels, rng: Random, *, grey: float = 0.06) -> Pixels:
    """Gain, gamma and colour cast; sometimes grey, which no question about a colour survives."""
    levels = np.linspace(0, 1, 256)
    gamma, gain = np.exp(rng.gauss(0, 0.2)), np.exp(rng.gauss(0, 0.15))
    tables = [np.clip(levels**gamma * gain * np.exp(rng.gauss(0, 0.06)) * 255, 0, 255) for _ in range(3)]
    painted = np.stack([tables[c].astype(np.uint8)[pixels[..., c]] for c in range(3)], -1)
    if rng.random() < grey:
        painted = np.repeat(painted.mean(-1, keepdims=True).astype(np.uint8), 3, -1)
    return painted
