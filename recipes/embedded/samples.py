"""Training canvases: pixels with queries and where their evidence lies, drawn at random from pictures.py.

Four kinds: an asked picture, whole or zoomed; a mosaic of named pieces; a photo with small named things pasted on it;
pictograms side by side.
Every canvas of a batch has one shape. Knows nothing of networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from recipes.embedded import questions
from recipes.embedded.icons import alike, attribute_twins, pictogram, turned
from recipes.embedded.pictures import Asked, Fractions, Named, shape, word
from semclip.training.dense.canvas import paint
from semclip.types import Pixels

PixelBox = tuple[float, float, float, float]
SHAPES = ((416, 608), (608, 416), (512, 512), (608, 832))
"""(height, width) of canvases: landscape, portrait, square, and a landscape seen twice as large."""
MOST_QUERIES = 14
LONGEST_NAME = 5
"""Words; more are a caption."""


@dataclass(slots=True)
class Canvas:
    """Pixels (h, w, 3), questions with evidence boxes in pixels, and what was pasted: where, called what."""

    pixels: Pixels
    queries: list[tuple[str, list[PixelBox]]] = field(default_factory=list)
    pieces: list[tuple[PixelBox, str | None, Named]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stock:
    """All material, loaded once."""

    asked: dict[str, list[Asked]]
    photos: list[Named]
    crops: list[Named]
    pictograms: dict[str, list[Named]]
    fonts: list[Path]


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Any channel count, bilinear with antialiasing."""
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize((max(1, width), max(1, height)), Image.Resampling.BILINEAR, reducing_gap=2.0))


def asked_canvas(source: Asked, size: tuple[int, int], rng: Random) -> Canvas:
    """The picture, or a window of it, fitted somewhere into the canvas."""
    height, width = size
    window = (0.0, 0.0, 1.0, 1.0) if rng.random() < 0.5 else _window(source, rng)
    full_height, full_width = source.pixels.shape[:2]
    left, top, right, bottom = (round(f * side) for f, side in zip(window, (full_width, full_height) * 2, strict=True))
    part = source.pixels[top:bottom, left:right]
    stretch = np.exp(rng.gauss(0, 0.06))
    scale = min(width / (part.shape[1] * stretch), height * stretch / part.shape[0]) * rng.choice(
        (1.0, 1.0, rng.uniform(0.7, 1))
    )
    inner = min(width, round(part.shape[1] * scale * stretch)), min(height, round(part.shape[0] * scale / stretch))
    x, y = rng.randint(0, width - inner[0]), rng.randint(0, height - inner[1])
    mirrored = source.mirror and rng.random() < 0.5
    canvas = Canvas(np.full((height, width, 3), rng.choice((0, 128, 255)), np.uint8))
    small = resize(part, *inner)
    canvas.pixels[y : y + inner[1], x : x + inner[0]] = small[:, ::-1] if mirrored else small
    canvas.pixels = paint(canvas.pixels, rng)
    for ask, boxes in rng.sample(source.questions, min(MOST_QUERIES, len(source.questions))):
        kept = [_place(box, window, inner, mirrored) for box in boxes]
        moved = [(b[0] + x, b[1] + y, b[2] + x, b[3] + y) for b in kept if b]
        if moved or rng.random() < 0.3:
            canvas.queries.append((questions.framed(ask(rng), rng), moved))
    return canvas


def _window(source: Asked, rng: Random) -> Fractions:
    """A part of the picture that holds the middle of some evidence box."""
    boxes = [box for _, group in source.questions for box in group]
    box = rng.choice(boxes) if boxes else (0.4, 0.4, 0.6, 0.6)
    side = rng.uniform(0.4, 1.0)
    width, height = min(1.0, side * rng.uniform(0.85, 1.18)), min(1.0, side * rng.uniform(0.85, 1.18))
    x = min(max((box[0] + box[2]) / 2 - width * rng.uniform(0.1, 0.9), 0.0), 1 - width)
    y = min(max((box[1] + box[3]) / 2 - height * rng.uniform(0.1, 0.9), 0.0), 1 - height)
    return x, y, x + width, y + height


def _place(box: Fractions, window: Fractions, inner: tuple[int, int], mirrored: bool) -> PixelBox | None:
    """The box in the window's pixels, or None where less than half of it is left."""
    width, height = window[2] - window[0], window[3] - window[1]
    left, right = ((min(max(box[i], window[0]), window[2]) - window[0]) / width for i in (0, 2))
    top, bottom = ((min(max(box[i], window[1]), window[3]) - window[1]) / height for i in (1, 3))
    whole = max(1e-9, (box[2] - box[0]) * (box[3] - box[1]) / (width * height))
    if (right - left) * (bottom - top) < 0.5 * whole:
        return None
    if mirrored:
        left, right = 1 - right, 1 - left
    return left * inner[0], top * inner[1], right * inner[0], bottom * inner[1]


def mosaic(stock: Stock, size: tuple[int, int], rng: Random) -> Canvas:
    """A canvas cut at random into tiles of photos, with small things and words pasted over."""
    height, width = size
    canvas = Canvas(np.zeros((height, width, 3), np.uint8))
    for box in _tiles((0, 0, width, height), rng, rng.choice((80, 120, 170))):
        piece = rng.choice(stock.photos if rng.random() < 0.8 else stock.crops)
        _paste(canvas, _cover(piece, box[2] - box[0], box[3] - box[1], rng), piece, box, rng)
    _scatter(canvas, stock, rng, rng.randint(0, 5))
    return _finish(canvas, rng)


def pasted(stock: Stock, background: Pixels, size: tuple[int, int], rng: Random) -> Canvas:
    """A picture as background with many small named things on it."""
    height, width = size
    canvas = Canvas(_cover(Named(background, ()), width, height, rng).copy())
    _scatter(canvas, stock, rng, rng.randint(6, 14))
    return _finish(canvas, rng)


def scattered(stock: Stock, size: tuple[int, int], rng: Random) -> Canvas:
    """Pictograms of mixed styles side by side on one colour or a photo; half of the time, twins among them."""
    canvas = _ground(stock, size, rng)
    twins = attribute_twins(stock.pictograms, rng) if rng.random() < 0.5 else []
    others = [pictogram(stock.pictograms, rng) for _ in range(rng.randint(20, 48) - len(twins))]
    for piece in (*twins, *others):
        settle(canvas, piece, rng)
    for _ in range(2):
        ask_for_absent(canvas, stock.pictograms, rng)
    return _finish(canvas, rng)


def wall(stock: Stock, size: tuple[int, int], rng: Random) -> Canvas:
    """As many pictograms as stand side by side in rows and columns: a school of names."""
    canvas = _ground(stock, size, rng)
    cell = rng.choice((56, 72, 96, 128))
    for top in range(0, size[0] - cell + 1, cell):
        for left in range(0, size[1] - cell + 1, cell):
            piece = pictogram(stock.pictograms, rng)
            pixels = turned(piece.pixels, cell * rng.uniform(0.65, 0.9), rng)[:cell, :cell]
            x = left + rng.randint(0, cell - pixels.shape[1])
            y = top + rng.randint(0, cell - pixels.shape[0])
            box = (x, y, x + pixels.shape[1], y + pixels.shape[0])
            others = {name for _, name, _ in canvas.pieces if name} - {piece.names[0]}
            if _stands_out(pixels, canvas.pixels, box) and not any(alike(name, piece.names[0]) for name in others):
                _paste(canvas, pixels, piece, box, rng)
    for _ in range(2):
        ask_for_absent(canvas, stock.pictograms, rng)
    return _finish(canvas, rng)


def _ground(stock: Stock, size: tuple[int, int], rng: Random) -> Canvas:
    """One colour, or a photo."""
    height, width = size
    canvas = Canvas(np.full((height, width, 3), [rng.randint(0, 255) for _ in range(3)], np.uint8))
    if rng.random() < 0.5:
        canvas.pixels[:] = _cover(rng.choice(stock.photos), width, height, rng)
    return canvas


def settle(canvas: Canvas, piece: Named, rng: Random) -> None:
    """Pastes the piece where it covers no other and stands out, unless asking for another may mean it too."""
    if any(name and alike(name, piece.names[0]) for _, name, _ in canvas.pieces):
        return
    pixels = turned(piece.pixels, 32 * 4 ** rng.random(), rng)
    height, width = pixels.shape[:2]
    for _ in range(20):
        x, y = rng.randint(0, canvas.pixels.shape[1] - width), rng.randint(0, canvas.pixels.shape[0] - height)
        box = (x, y, x + width, y + height)
        if not any(_meet(box, other) for other, _, _ in canvas.pieces) and _stands_out(pixels, canvas.pixels, box):
            return _paste(canvas, pixels, piece, box, rng)


def _meet(one: PixelBox, other: PixelBox) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _stands_out(pixels: Pixels, under: Pixels, box: tuple[int, int, int, int]) -> bool:
    """Whether what is pasted differs from what it covers by 30 of 255 in the mean."""
    difference = np.abs(pixels[..., :3].astype(np.float32) - under[box[1] : box[3], box[0] : box[2]]).mean(-1)
    return bool(np.average(difference, weights=pixels[..., 3]) > 30)


def _finish(canvas: Canvas, rng: Random) -> Canvas:
    canvas.pixels = paint(canvas.pixels, rng, grey=0)
    merged: dict[str, list[PixelBox]] = {}
    for box, name, _ in canvas.pieces:
        if name:
            merged.setdefault(name, []).append(box)
    names = rng.sample(list(merged), min(MOST_QUERIES, len(merged)))
    canvas.queries += [(_phrase(name, rng), merged[name]) for name in names]
    short = [name for name in names if len(name.split()) <= LONGEST_NAME]
    if len(short) > 1:
        one, other = rng.sample(short, 2)
        asked = questions.framed(questions.ask_pair(one, other, rng), rng)
        canvas.queries.append((asked, merged[one] + merged[other]))
    return canvas


def ask_for_absent(canvas: Canvas, pieces: dict[str, list[Named]], rng: Random) -> None:
    """Adds a question about a pictogram that the canvas does not show, unless it may be meant by another name."""
    name = rng.choice(pictogram(pieces, rng).names)
    if not any(shown and alike(shown, name) for _, shown, _ in canvas.pieces):
        canvas.queries.append((_phrase(name, rng), []))


def _phrase(name: str, rng: Random) -> str:
    """A caption stays a caption; a name becomes a question."""
    asked = name if len(name.split()) > LONGEST_NAME else questions.ask_thing(name, rng)
    return questions.framed(asked, rng)


def _tiles(box: tuple[int, int, int, int], rng: Random, least: int) -> list[tuple[int, int, int, int]]:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if max(width, height) < 2 * least or (max(width, height) < 4 * least and rng.random() < 0.15):
        return [box]
    if width * rng.uniform(0.7, 1.4) > height:
        cut = left + round(width * rng.uniform(0.35, 0.65))
        return _tiles((left, top, cut, bottom), rng, least) + _tiles((cut, top, right, bottom), rng, least)
    cut = top + round(height * rng.uniform(0.35, 0.65))
    return _tiles((left, top, right, cut), rng, least) + _tiles((left, cut, right, bottom), rng, least)


def _cover(piece: Named, width: int, height: int, rng: Random) -> Pixels:
    """The piece cropped to the aspect ratio and resized, mirrored half of the time."""
    full_height, full_width = piece.pixels.shape[:2]
    scale = min(full_width / width, full_height / height) * rng.uniform(0.8, 1.0)
    crop_width, crop_height = max(2, round(width * scale)), max(2, round(height * scale))
    x, y = rng.randint(0, max(0, full_width - crop_width)), rng.randint(0, max(0, full_height - crop_height))
    cut = resize(piece.pixels[y : y + crop_height, x : x + crop_width], width, height)
    return cut[:, ::-1] if rng.random() < 0.5 else cut


def _scatter(canvas: Canvas, stock: Stock, rng: Random, count: int) -> None:
    """Pastes things and words at random places; words answer one common question."""
    height, width = canvas.pixels.shape[:2]
    words: list[PixelBox] = []
    for _ in range(count):
        kind = rng.random()
        piece = word(rng, stock.fonts) if kind < 0.3 else _thing(stock, rng, kind)
        long_side = rng.uniform(24, 120)
        scale = long_side / max(piece.pixels.shape[:2])
        inner = max(6, round(piece.pixels.shape[1] * scale)), max(6, round(piece.pixels.shape[0] * scale))
        x, y = rng.randint(0, width - inner[0]), rng.randint(0, height - inner[1])
        box = (x, y, x + inner[0], y + inner[1])
        _paste(canvas, resize(piece.pixels, *inner), piece, box, rng)
        if kind < 0.3:
            words.append(box)
    if words:
        canvas.queries.append((questions.ask_text(rng), words))


def _thing(stock: Stock, rng: Random, kind: float) -> Named:
    if kind < 0.55:
        return pictogram(stock.pictograms, rng)
    return shape(rng) if kind < 0.7 else rng.choice(stock.photos)


def _paste(canvas: Canvas, pixels: Pixels, piece: Named, box: tuple[int, int, int, int], rng: Random) -> None:
    target = canvas.pixels[box[1] : box[3], box[0] : box[2]]
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.float32) / 255
        target[:] = (pixels[..., :3] * alpha + target * (1 - alpha)).astype(np.uint8)
    else:
        target[:] = pixels
    canvas.pieces.append((box, rng.choice(piece.names) if piece.names else None, piece))
