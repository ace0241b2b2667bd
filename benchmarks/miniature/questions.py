"""What is asked about a scene, with the answer and the things that hold it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.miniature.world import COLOURS, WORDS, Scene, Thing

ONE_TARGET = ("colour", "number", "word")
KINDS = (*ONE_TARGET, "position", "same")
WORDINGS = {
    "colour": ("What is the color of the {}?", "What color is the {}?"),
    "number": ("What number is on the {}?", "Which digit is on the {}?"),
    "word": ("What does the {} say?", "Which word is on the {}?"),
}
"""Of questions about one thing."""
_APART = 0.12
"""How far two things are from each other, as a share of the side, where one is left of or above the other."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. `targets`: the things without which it cannot be answered."""

    kind: str
    question: str
    answer: str
    targets: tuple[Thing, ...]


def ask(scene: Scene, kind: str, rng: random.Random) -> Asked | None:
    """A question of that kind about `scene`; None where it has nothing to ask it about."""
    return _ASK[kind](scene, rng)


def answers_of(kind: str) -> tuple[str, ...]:
    """Every answer that a question of that kind can have."""
    return _ANSWERS[kind]


def _colour(scene: Scene, rng: random.Random) -> Asked | None:
    if not scene.unique_shapes:
        return None
    thing = scene.only(rng.choice(scene.unique_shapes))
    question = rng.choice(WORDINGS["colour"])
    return Asked("colour", question.format(thing.shape), thing.colour, (thing,))


def _number(scene: Scene, rng: random.Random) -> Asked | None:
    if not scene.unique_shapes:
        return None
    thing = scene.only(rng.choice(scene.unique_shapes))
    question = rng.choice(WORDINGS["number"])
    return Asked("number", question.format(thing.shape), thing.text, (thing,))


def _word(scene: Scene, rng: random.Random) -> Asked | None:
    if not scene.unique_signs:
        return None
    sign = rng.choice(scene.unique_signs)
    question = rng.choice(WORDINGS["word"])
    return Asked("word", question.format(sign.name), sign.text, (sign,))


def _position(scene: Scene, rng: random.Random) -> Asked | None:
    if len(scene.unique_shapes) < 2:
        return None
    first, second = (scene.only(shape) for shape in rng.sample(scene.unique_shapes, 2))
    if rng.random() < 0.5:
        if abs(first.x - second.x) < _APART:
            return None
        question, answer = "left or right of", "left" if first.x < second.x else "right"
    else:
        if abs(first.y - second.y) < _APART:
            return None
        question, answer = "above or below", "above" if first.y < second.y else "below"
    return Asked("position", f"Is the {first.shape} {question} the {second.shape}?", answer, (first, second))


def _same(scene: Scene, rng: random.Random) -> Asked | None:
    wanted = rng.random() < 0.5
    pairs = [(scene.only(a), scene.only(b)) for a in scene.unique_shapes for b in scene.unique_shapes if a != b]
    fitting = [pair for pair in pairs if (pair[0].colour == pair[1].colour) == wanted]
    if not fitting:
        return None
    first, second = rng.choice(fitting)
    question = f"Do the {first.shape} and the {second.shape} have the same color?"
    return Asked("same", question, "yes" if wanted else "no", (first, second))


_ASK: dict[str, Callable[[Scene, random.Random], Asked | None]] = {
    "colour": _colour,
    "number": _number,
    "word": _word,
    "position": _position,
    "same": _same,
}
_ANSWERS = {
    "colour": tuple(COLOURS),
    "number": tuple(map(str, range(10))),
    "word": WORDS,
    "position": ("left", "right", "above", "below"),
    "same": ("yes", "no"),
}
