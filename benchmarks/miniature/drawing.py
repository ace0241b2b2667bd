"""From a scene to pixels: any window of it at any size, so that close-ups are drawn and never enlarged."""

from __future__ import annotations

import math
import random
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from benchmarks.miniature.world import COLOURS, Scene, Thing
from semclip.geometry import Size

Window = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of the scene's side."""

WHOLE: Window = (0.0, 0.0, 1.0, 1.0)
_MASTER_PX = 192
_CELLS = 24
_CLUTTER = 14
_TEXT_SHARE = 0.56
_LEAST_PX = 2
_HALVINGS = 3


def render(scene: Scene, size: Size, window: Window = WHOLE) -> Image.Image:
    """The part of `scene` in `window`, at `size`."""
    left, top, right, bottom = window
    scale_x, scale_y = size.width / (right - left), size.height / (bottom - top)
    cells = (left * _CELLS, top * _CELLS, right * _CELLS, bottom * _CELLS)
    picture = _ground(scene).resize((size.width, size.height), Image.Resampling.BICUBIC, box=cells)
    draw = ImageDraw.Draw(picture)
    for slab, tint in _clutter(scene.seed):
        x0, y0, x1, y1 = slab
        draw.rectangle(((x0 - left) * scale_x, (y0 - top) * scale_y, (x1 - left) * scale_x, (y1 - top) * scale_y), tint)
    for thing in scene.things:
        x0, y0, x1, y1 = thing.edges
        at = (round((x0 - left) * scale_x), round((y0 - top) * scale_y))
        to = (round((x1 - left) * scale_x), round((y1 - top) * scale_y))
        if to[0] > 0 and to[1] > 0 and at[0] < size.width and at[1] < size.height:
            _paste(picture, thing, at, Size(max(1, to[0] - at[0]), max(1, to[1] - at[1])))
    return picture


def _paste(picture: Image.Image, thing: Thing, at: tuple[int, int], size: Size) -> None:
    halvings = max(0, min(_HALVINGS, int(math.log2(max(1.0, _MASTER_PX / 1.5 / size.height)))))
    body, text = _masters(thing.shape, thing.text, round(thing.angle), halvings)
    sides, ink = (size.width, size.height), COLOURS[thing.colour]
    picture.paste(ink, at, body.resize(sides, Image.Resampling.BICUBIC))
    if size.height > _LEAST_PX:
        picture.paste(_readable_on(ink), at, text.resize(sides, Image.Resampling.BICUBIC))


def _readable_on(ink: tuple[int, int, int]) -> tuple[int, int, int]:
    return (255, 255, 255) if sum(ink) < 380 else (16, 16, 18)


@lru_cache(16384)
def _masters(shape: str, text: str, angle: int, halvings: int) -> tuple[Image.Image, Image.Image]:
    """Masks of the body and the text of a thing that fills its box, turned, and halved so often."""
    if halvings:
        body, letters = _masters(shape, text, angle, 0)
        return body.reduce(2**halvings), letters.reduce(2**halvings)
    width = round(_MASTER_PX * 2.2) if shape == "sign" else _MASTER_PX
    body = Image.new("L", (width, _MASTER_PX))
    _draw_body(ImageDraw.Draw(body), shape, width, _MASTER_PX)
    letters = Image.new("L", body.size)
    _draw_text(ImageDraw.Draw(letters), text, letters.size)
    if shape not in ("sign", "square", "circle", "diamond", "house", "heart", "ring"):
        # A digit that hangs over the edge stands on a patch of the body's colour.
        patch = Image.new("L", body.size)
        side = _MASTER_PX * 0.29
        middle = _MASTER_PX / 2
        ImageDraw.Draw(patch).ellipse((middle - side, middle - side, middle + side, middle + side), 255)
        body = ImageChops.lighter(body, patch)
    return _turned(body, angle), _turned(letters, angle)


def _turned(mask: Image.Image, angle: int) -> Image.Image:
    return mask.rotate(angle, Image.Resampling.BICUBIC) if angle else mask


def _draw_text(draw: ImageDraw.ImageDraw, text: str, sides: tuple[int, int]) -> None:
    share = 0.62 if len(text) > 1 else _TEXT_SHARE
    font = ImageFont.load_default(sides[1] * share * 1.3)
    draw.text((sides[0] / 2, sides[1] / 2), text.upper(), 255, font, anchor="mm", stroke_width=4)


def _draw_body(draw: ImageDraw.ImageDraw, shape: str, width: int, height: int) -> None:
    if shape in ("sign", "square"):
        draw.rounded_rectangle((4, 4, width - 5, height - 5), 8 if shape == "sign" else 2, 255)
    elif shape in ("circle", "ring"):
        draw.ellipse((4, 4, width - 5, height - 5), 255)
        if shape == "ring":
            draw.ellipse((34, 34, width - 35, height - 35), 0)
    elif shape == "moon":
        draw.ellipse((4, 4, width - 5, height - 5), 255)
        draw.ellipse((70, -24, width + 50, height - 53), 0)
    elif shape == "heart":
        _draw_heart(draw, width)
    elif shape == "drop":
        draw.ellipse((30, 62, width - 31, height - 2), 255)
        draw.polygon([(width / 2, 0), (36, 100), (width - 37, 100)], 255)
    else:
        draw.polygon([(x * width, y * height) for x, y in _CORNERS[shape]], 255)


def _draw_heart(draw: ImageDraw.ImageDraw, width: int) -> None:
    points = []
    for step in range(60):
        t = 2 * math.pi * step / 60
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((width / 2 + x * width / 34, width / 2 - (y + 2) * width / 33))
    draw.polygon(points, 255)


def _star() -> list[tuple[float, float]]:
    radii = [0.5 if point % 2 == 0 else 0.22 for point in range(10)]
    return [(0.5 + r * math.sin(math.pi * p / 5), 0.52 - r * math.cos(math.pi * p / 5)) for p, r in enumerate(radii)]


_CORNERS: dict[str, list[tuple[float, float]]] = {
    "triangle": [(0.5, 0.0), (1.0, 0.95), (0.0, 0.95)],
    "diamond": [(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)],
    "star": _star(),
    "cross": [
        *((0.34, 0.0), (0.66, 0.0), (0.66, 0.34), (1.0, 0.34), (1.0, 0.66), (0.66, 0.66)),
        *((0.66, 1.0), (0.34, 1.0), (0.34, 0.66), (0.0, 0.66), (0.0, 0.34), (0.34, 0.34)),
    ],
    "arrow": [(0.0, 0.32), (0.5, 0.32), (0.5, 0.04), (1.0, 0.5), (0.5, 0.96), (0.5, 0.68), (0.0, 0.68)],
    "house": [(0.5, 0.0), (1.0, 0.42), (0.88, 0.42), (0.88, 1.0), (0.12, 1.0), (0.12, 0.42), (0.0, 0.42)],
}


def _ground(scene: Scene) -> Image.Image:
    """A small picture of the ground's patches."""
    rng = np.random.default_rng(scene.seed)
    share = rng.random((_CELLS, _CELLS, 1)) ** 1.5
    first, second = (np.array(tint, np.float64) for tint in scene.ground)
    noise = rng.normal(0, 5, (_CELLS, _CELLS, 3))
    return Image.fromarray(np.clip(first * share + second * (1 - share) + noise, 0, 255).astype(np.uint8))


@lru_cache(2048)
def _clutter(seed: int) -> tuple[tuple[Window, tuple[int, int, int]], ...]:
    """Grey slabs of many sizes below the things."""
    rng = random.Random(seed)
    slabs = []
    for _ in range(_CLUTTER):
        x, y, width, height = rng.random(), rng.random(), rng.uniform(0.02, 0.3), rng.uniform(0.01, 0.2)
        grey = rng.randint(90, 205)
        slabs.append(((x - width / 2, y - height / 2, x + width / 2, y + height / 2), (grey, grey - 6, grey - 14)))
    return tuple(slabs)
