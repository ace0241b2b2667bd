"""What the recipe can show and name: pictures with questions, rendered scenes, coloured shapes and words.

A `Named` is a piece of pixels with a name, for pasting; an `Asked` is a whole picture with questions and evidence
boxes. Pictures are decoded once and kept small in memory. Knows nothing of canvases or losses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from recipes.embedded import questions
from semclip.types import Floats

Fractions = tuple[float, float, float, float]
Wording = Callable[[Random], str]
COLOURS = {
    "red": (200, 30, 35),
    "green": (35, 150, 60),
    "blue": (40, 80, 200),
    "yellow": (240, 210, 40),
    "orange": (240, 130, 30),
    "purple": (130, 60, 170),
    "pink": (245, 140, 180),
    "brown": (120, 75, 40),
    "black": (25, 25, 25),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "turquoise": (60, 190, 190),
}
KEPT_AREA = 800_000
"""Pixels of a kept train picture at most."""


@dataclass(frozen=True, slots=True)
class Named:
    """Pixels (h, w, 3, or 4 with opacity) and what they may be called.

    And what teachers gave, if any: class scores, and a unit vector (D,), see looks.py.
    """

    pixels: NDArray[np.uint8]
    names: tuple[str, ...]
    classes: tuple[tuple[str, float], ...] = ()
    look: Floats | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A whole picture; each question is a wording and evidence boxes as fractions of the picture."""

    pixels: NDArray[np.uint8]
    questions: tuple[tuple[Wording, tuple[Fractions, ...]], ...]
    mirror: bool


def shrink(path: Path, area: int = KEPT_AREA) -> NDArray[np.uint8]:
    """The picture with at most `area` pixels."""
    with Image.open(path) as picture:
        scale = min(1.0, (area / (picture.width * picture.height)) ** 0.5)
        size = max(32, round(picture.width * scale)), max(32, round(picture.height * scale))
        picture.draft("RGB", size)
        return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0))


def wording(name: str, question: str, answer: str) -> Wording:
    """How a row of the set `name` may be asked, many ways."""
    field = questions.field_of(question)
    if field:
        return lambda rng: question if rng.random() < 0.3 else questions.ask_field(field, rng)
    if name == "plates":
        return lambda rng: question if rng.random() < 0.2 else questions.ask_plate(rng)
    if name == "scene_text":
        return lambda rng: question if rng.random() < 0.2 else questions.ask_text(rng)
    thing = _thing_of(question, answer)
    return lambda rng: question if rng.random() < 0.3 else questions.ask_thing(thing, rng)


def _thing_of(question: str, answer: str) -> str:
    """The thing that a question names: its answer when the question holds it, else the coloured thing in it.

    >>> _thing_of("Is the black king still on the board?", "yes")
    'black king'
    """
    name = answer.replace("-", " ")
    found = re.search(rf"\b(?:{'|'.join(COLOURS)}) \w+", question)
    return name if name in question or not found else found[0]


def fractions(boxes: list[list[float]], row: dict[str, Any]) -> tuple[Fractions, ...]:
    """Boxes in pixels as fractions of the picture that the row tells of."""
    width, height = row["width"], row["height"]
    return tuple((b[0] / width, b[1] / height, b[2] / width, b[3] / height) for b in boxes)


def shape(rng: Random) -> Named:
    """A coloured circle, square, triangle, star, cross or ring under a name such as `red star`."""
    colour, kind = rng.choice(list(COLOURS)), rng.choice(("circle", "square", "triangle", "star", "cross", "ring"))
    fill = tuple(min(255, max(0, c + rng.randint(-20, 20))) for c in COLOURS[colour])
    tile = Image.new("RGBA", (128, 128))
    draw = ImageDraw.Draw(tile)
    if kind in ("circle", "ring"):
        draw.ellipse((4, 4, 124, 124), fill)
        if kind == "ring":
            draw.ellipse((36, 36, 92, 92), (0, 0, 0, 0))
    elif kind == "cross":
        draw.rectangle((48, 4, 80, 124), fill)
        draw.rectangle((4, 48, 124, 80), fill)
    else:
        draw.polygon(_corners(kind), fill)
    return Named(np.asarray(tile.rotate(rng.uniform(-15, 15))), (f"{colour} {kind}",))


def _corners(kind: str) -> list[tuple[float, float]]:
    if kind == "square":
        return [(10, 10), (118, 10), (118, 118), (10, 118)]
    if kind == "triangle":
        return [(64, 6), (122, 118), (6, 118)]
    turns = [np.pi * (index / 5 - 0.5) for index in range(10)]
    return [
        (64 + (60 if i % 2 == 0 else 25) * np.cos(t), 64 + (60 if i % 2 == 0 else 25) * np.sin(t))
        for i, t in enumerate(turns)
    ]


def word(rng: Random, fonts: list[Path]) -> Named:
    """A word or a number in a random font, sometimes on a plate of its own colour."""
    text = _text(rng)
    face = ImageFont.truetype(str(rng.choice(fonts)), rng.randint(24, 72))
    left, top, right, bottom = face.getbbox(text)
    margin = rng.randint(1, 12)
    ink = tuple(rng.randint(0, 255) for _ in range(3))
    plate = tuple((c + rng.randint(90, 165)) % 256 for c in ink)
    size = round(right - left) + 2 * margin, round(bottom - top) + 2 * margin
    tile = Image.new("RGBA", size, (*plate, rng.choice((0, 255, 255))))
    ImageDraw.Draw(tile).text((margin - left, margin - top), text, fill=(*ink, 255), font=face)
    return Named(np.asarray(tile.rotate(rng.uniform(-12, 12), expand=True, resample=Image.Resampling.BILINEAR)), ())


def _text(rng: Random) -> str:
    letters = "ABCDEFGHIJKLMNOPRSTUVWY"
    kind = rng.random()
    if kind < 0.35:
        return "".join(rng.choice("0123456789") for _ in range(rng.randint(2, 5)))
    vowel = "AEIOU"
    sound = "".join(rng.choice(vowel if index % 2 else letters) for index in range(rng.randint(3, 9)))
    return sound if kind < 0.7 else sound.title() if kind < 0.9 else sound.lower()


def rendered(folder: Path) -> list[Asked]:
    """Scenes that render.py left in a folder, with their questions."""
    scenes = []
    for path in sorted(folder.glob("*.json")):
        row = json.loads(path.read_text())
        known = [(_exactly(q["question"]), fractions(q["evidence"], row)) for q in row["questions"]]
        scenes.append(Asked(shrink(path.with_suffix(".jpg")), tuple(known), mirror=False))
    return scenes


def _exactly(question: str) -> Wording:
    return lambda rng: question
