"""What the models are taught: questions about a scene shown as semclip shows it, some of it out of sight.

Overview and close-ups are announced, placed and laid out by semclip's own code; their pixels are drawn as the model
sees them. What cannot be seen is asked too: a model that has learnt to guess evenly there leaves the word to the
pictures that show it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from benchmarks.miniature.drawing import WHOLE, Window, render
from benchmarks.miniature.models import SIDE_PX, Family, seen_size
from benchmarks.miniature.pixels import squared
from benchmarks.miniature.questions import KINDS, Asked, ask
from benchmarks.miniature.world import Scene, Thing, draw_scene
from semclip.adapters.montage import draw, layout
from semclip.geometry import Box, Size
from semclip.prompts import compose, compose_montage, place
from semclip.proposals import pyramid
from semclip.relevance.baselines import tile_boxes
from semclip.types import Prompt

SCENE = Size(1536, 1536)
CANVAS = Size(SIDE_PX, SIDE_PX)
TURNS = 5
_CLOSE_UP = 0.75
"""How often a crop is drawn to a question; the others lie anywhere."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt that ends in the first question, and the questions with their answers."""

    prompt: Prompt
    asked: tuple[Asked, ...]


def draw_lesson(family: Family, rng: random.Random, *, single: float) -> Lesson:
    """A lesson on a new scene; the share `single` of them shows one picture."""
    scene = draw_scene(rng.randrange(10**9, 2 * 10**9))
    asked = _questions(scene, rng)
    if rng.random() < single:
        box = None if rng.random() < 0.25 else _crop(scene, asked[0], rng)
        return Lesson(Prompt((_picture(family, scene, box), asked[0].question), tiling=False), asked)
    count = rng.choice((1, 2, 2, 2, 4))
    boxes = list(tile_boxes(SCENE)) if count == 4 and rng.random() < 0.6 else _crops(scene, asked, count, rng)
    if count < 4 and rng.random() < 0.12:
        return Lesson(_montage(scene, boxes, asked[0].question), asked)
    places = [place(box, SCENE) for box in boxes]
    overview, *crops = (_picture(family, scene, box) for box in (None, *boxes))
    return Lesson(compose(asked[0].question, overview, crops, places=places), asked)


def _questions(scene: Scene, rng: random.Random) -> tuple[Asked, ...]:
    found: list[Asked] = []
    while len(found) < TURNS:
        asked = ask(scene, rng.choice((*KINDS, "number")), rng)
        if asked is not None:
            found.append(asked)
    return tuple(found)


def _crops(scene: Scene, asked: tuple[Asked, ...], count: int, rng: random.Random) -> list[Box]:
    """As many crops, the first of them around what the first questions are about."""
    targets = [(one, target) for one in asked for target in one.targets]
    return [_around(targets[at % len(targets)][1], rng) for at in range(count)]


def _crop(scene: Scene, asked: Asked, rng: random.Random) -> Box:
    return _around(rng.choice(asked.targets), rng)


def _around(target: Thing, rng: random.Random) -> Box:
    """One of the boxes that semclip proposes: around the target more often than not, small ones more often."""
    boxes = _boxes()
    if rng.random() >= _CLOSE_UP:
        return rng.choice(boxes)
    x0, y0, x1, y1 = (edge * SCENE.width for edge in target.edges)
    holding = [box for box in boxes if box.left <= x0 and box.top <= y0 and box.right >= x1 and box.bottom >= y1]
    return rng.choices(holding, [1 / box.area for box in holding])[0] if holding else rng.choice(boxes)


@lru_cache(1)
def _boxes() -> tuple[Box, ...]:
    return tuple(box for box in pyramid(SCENE) if 4 * box.area <= SCENE.area)


def _picture(family: Family, scene: Scene, box: Box | None) -> Image.Image:
    """The scene, or a box of it, as the model sees it."""
    size = seen_size(family, SCENE if box is None else box.size)
    drawn = render(scene, size, WHOLE if box is None else _window(box))
    return squared(drawn, SIDE_PX) if family == "llava" else drawn


def _window(box: Box) -> Window:
    left, top, right, bottom = (edge / SCENE.width for edge in box.to_list())
    return left, top, right, bottom


def _montage(scene: Scene, boxes: list[Box], question: str) -> Prompt:
    laid = layout(CANVAS, [SCENE, *(box.size for box in boxes)])
    windows = [WHOLE, *map(_window, boxes)]
    pictures = [render(scene, at.size, window) for at, window in zip(laid.boxes, windows, strict=True)]
    places = [place(box, SCENE) for box in boxes]
    return compose_montage(question, draw(CANVAS, laid.boxes, pictures), places=places, arrangement=laid.arrangement)
