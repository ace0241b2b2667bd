"""What the models are taught: questions about a scene shown as semclip shows it, some of it out of sight.

Overview and close-ups are announced, placed and laid out by semclip's own code; their pixels are drawn as the model
sees them. What cannot be seen is asked too: a model that has learnt to guess evenly there leaves the word to the
pictures that show it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache

from PIL import Image

from benchmarks.miniature.drawing import WHOLE, Window, render
from benchmarks.miniature.models import SIDE_PX, Family, seen_size
from benchmarks.miniature.pixels import squared
from benchmarks.miniature.questions import KINDS, ONE_TARGET, WORDINGS, Asked, ask
from benchmarks.miniature.world import COLOURS, SHAPES, Scene, Thing, draw_scene, draw_wall
from semclip.adapters.montage import draw, layout
from semclip.geometry import Box, Size
from semclip.prompts import compose, compose_montage, place
from semclip.proposals import pyramid
from semclip.relevance.baselines import tile_boxes
from semclip.types import Prompt

SCENE = Size(1536, 1536)
CANVAS = Size(SIDE_PX, SIDE_PX)
TURNS = 5
_WALL = 0.6
"""The share of walls among single pictures: much to ask about in one look."""
_WALL_SIZES = (2, 2, 3)
_WALL_TURNS = 8
_ALONE = 0.5
"""How much of the time pictures are alone."""
_SINGLE = 0.35
"""The share of single pictures afterwards."""
_TOLD = 0.3
"""How often a single picture asks what is there, at last."""
_SEEN = 0.8
"""How often what is asked can be seen in a picture, a crop where there are crops; the rest lies anywhere."""
_CLOSE_UP = 0.85
"""How often a crop is drawn to some thing; the others lie anywhere."""
_ASKED = (*KINDS, *ONE_TARGET, "number")
"""What two targets need is learnt last, if at all."""
_SOUGHT = 0.2
"""How often it is asked whether a thing is there, or close up. Neither model has learnt it so far."""
_ANSWERABLE = 0.6
"""How often that is asked of a picture alone as whether a question can be answered from it."""
_TELL = "Can you tell from this picture? Answer yes or no."
_ABSENT_SIGNS = 3
"""Of all colours: how many may be sought where none is, beside twelve shapes."""
_TRIES = 40
_MOST_TOLD = 9


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt that ends in the first question, and the questions with their answers."""

    prompt: Prompt
    asked: tuple[Asked, ...]


def draw_lesson(family: Family, rng: random.Random, *, progress: float) -> Lesson:
    """A lesson on a new scene.

    At first, while `progress` is near 0, most of them ask what is there at all, as captions tell: without that, which
    word belongs to which thing is not learnt for very long. Pictures are alone in the first half.
    """
    if progress < _ALONE or rng.random() < _SINGLE:
        told = rng.random() < max(_TOLD, 0.75 - 1.5 * progress)
        return _of_wall(family, rng, told=told) if rng.random() < _WALL else _of_one(family, rng, told=told)
    scene = draw_scene(rng.randrange(10**9, 2 * 10**9))
    count = rng.choice((1, 2, 2, 2, 4))
    tiled = count == 4 and rng.random() < 0.6
    boxes = list(tile_boxes(SCENE)) if tiled else [_box(scene, rng) for _ in range(count)]
    asked = _questions(scene, boxes, rng, close=True)
    if not asked:
        return draw_lesson(family, rng, progress=progress)
    if count < 4 and rng.random() < 0.12:
        return Lesson(_montage(scene, boxes, asked[0].question), asked)
    places = [place(box, SCENE) for box in boxes]
    overview, *crops = (_picture(family, scene, box) for box in (None, *boxes))
    return Lesson(compose(asked[0].question, overview, crops, places=places), asked)


def _of_wall(family: Family, rng: random.Random, *, told: bool) -> Lesson:
    """Questions about a wall, or the one of what is there."""
    wall = draw_wall(rng, sizes=_WALL_SIZES)
    asked = (_caption(wall, SCENE.box, rng),) if told else _questions(wall, [SCENE.box], rng, turns=_WALL_TURNS)
    if not asked:
        return _of_wall(family, rng, told=True)
    return Lesson(Prompt((_picture(family, wall, None), asked[0].question), tiling=False), asked)


def _of_one(family: Family, rng: random.Random, *, told: bool) -> Lesson:
    """Questions about an overview, or about a crop as an ensemble shows it, or the one of what is there."""
    scene = draw_scene(rng.randrange(10**9, 2 * 10**9))
    box = None if rng.random() < 0.3 else _box(scene, rng)
    whole = box or SCENE.box
    asked = (_caption(scene, whole, rng),) if told else _questions(scene, [whole], rng)
    if not asked:
        return _of_one(family, rng, told=True)
    return Lesson(Prompt((_picture(family, scene, box), asked[0].question), tiling=False), asked)


def _caption(scene: Scene, box: Box, rng: random.Random) -> Asked:
    """What is in the box, in any order."""
    shown = [thing for thing in scene.things if _holds(box, thing)]
    told = [f"{thing.shape} {thing.colour} {thing.text}" for thing in rng.sample(shown, min(len(shown), _MOST_TOLD))]
    return Asked("caption", "What is there?", ", ".join(told) or "nothing", ())


def _questions(
    scene: Scene, boxes: list[Box], rng: random.Random, *, turns: int = TURNS, close: bool = False
) -> tuple[Asked, ...]:
    """Questions of all kinds, most of them about what is in the boxes; of a poor wall fewer, or none.

    `close`: the boxes are shown beside an overview.
    """
    there = {*scene.unique_signs, *(scene.only(shape) for shape in scene.unique_shapes)}
    shown = tuple(thing for thing in scene.things if thing in there and any(_holds(box, thing) for box in boxes))
    found: list[Asked] = []
    for _ in range(_TRIES):
        if rng.random() < _SOUGHT:
            asked = _sought(scene, boxes, rng, close=close)
        else:
            source = replace(scene, things=shown) if rng.random() < _SEEN else scene
            asked = ask(source, rng.choice(_ASKED), rng)
        if asked is not None:
            found.append(asked)
        if len(found) == turns:
            break
    return tuple(found)


def _sought(scene: Scene, boxes: list[Box], rng: random.Random, *, close: bool) -> Asked | None:
    """Whether something is in one of the boxes, as often as not: close-ups beside an overview, or one picture.

    Of one picture also whether a question can be answered from it.
    """
    held = {thing.name for thing in scene.things if any(_holds(box, thing) for box in boxes)}
    touched = {thing.name for thing in scene.things if any(_touches(box, thing) for box in boxes)}
    signs = [f"{colour} sign" for colour in rng.sample(list(COLOURS), _ABSENT_SIGNS)]
    absent = [name for name in (*SHAPES, *signs) if name not in touched]
    answer, names = ("yes", sorted(held)) if rng.random() < 0.5 else ("no", absent)
    if not names:
        return None
    name = rng.choice(names)
    question = "Is there a close-up of the {}?" if close else "Is there a {}?"
    if not close and rng.random() < _ANSWERABLE:
        kind = "word" if name.endswith("sign") else rng.choice(("colour", "number"))
        question = f"{rng.choice(WORDINGS[kind])} {_TELL}"
    return Asked("sought", question.format(name), answer, ())


def _box(scene: Scene, rng: random.Random) -> Box:
    """One of the boxes that semclip proposes: around some thing more often than not, small ones more often."""
    boxes = _boxes()
    if rng.random() >= _CLOSE_UP:
        return rng.choice(boxes)
    target = rng.choice(scene.things)
    holding = [box for box in boxes if _holds(box, target)]
    return rng.choices(holding, [1 / box.area for box in holding])[0] if holding else rng.choice(boxes)


def _holds(box: Box, thing: Thing) -> bool:
    x0, y0, x1, y1 = (edge * SCENE.width for edge in thing.edges)
    return box.left <= x0 and box.top <= y0 and box.right >= x1 and box.bottom >= y1


@lru_cache(1)
def _boxes() -> tuple[Box, ...]:
    return tuple(box for box in pyramid(SCENE) if 4 * box.area <= SCENE.area)


def _touches(box: Box, thing: Thing) -> bool:
    x0, y0, x1, y1 = (edge * SCENE.width for edge in thing.edges)
    return box.left < x1 and box.top < y1 and box.right > x0 and box.bottom > y0


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
