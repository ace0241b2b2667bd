"""What there is in the miniature world: scenes as values, free of any resolution, and how they are drawn by lot.

A scene is a square of side 1. Things have a shape, a colour and a digit; signs have a colour and a word. Whatever is
asked for is there once; other things share its colour, its digit or neither.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

SHAPES = (
    *("circle", "square", "triangle", "star", "heart", "ring", "cross", "moon", "arrow", "drop", "diamond", "house"),
)
COLOURS = {
    "red": (204, 36, 40),
    "orange": (240, 138, 28),
    "yellow": (242, 216, 50),
    "green": (44, 150, 66),
    "blue": (42, 84, 200),
    "purple": (130, 54, 160),
    "white": (244, 244, 240),
    "black": (28, 28, 32),
}
WORDS = ("exit", "open", "taxi", "sale", "fish", "cafe", "bank", "post", "farm", "gold", "news", "zone")
THING_SIDE = (0.06, 0.085)
SIGN_WIDTH = (0.12, 0.15)
SIGN_ASPECT = 2.2

_UNIQUE = (6, 8)
_TWINS = 2
_SIGNS = (2, 3)
_TRIES = 200
_MARGIN = 0.006

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: its centre and sides as shares of the scene's side, its angle in degrees.

    A sign's shape is "sign" and its text a word; any other thing's text is a digit.
    """

    shape: str
    colour: str
    text: str
    x: float
    y: float
    width: float
    height: float
    angle: float

    @property
    def name(self) -> str:
        """What it is called: its shape, and of a sign its colour too."""
        return f"{self.colour} sign" if self.shape == "sign" else self.shape

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, whatever the angle: sides are those of the upright box around it."""
        return (
            self.x - self.width / 2,
            self.y - self.height / 2,
            self.x + self.width / 2,
            self.y + self.height / 2,
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """Things on a ground of two tints, from which `seed` makes patches and clutter."""

    seed: int
    ground: tuple[Rgb, Rgb]
    things: tuple[Thing, ...]

    def only(self, shape: str) -> Thing:
        """The one thing of that shape."""
        (found,) = (thing for thing in self.things if thing.shape == shape)
        return found

    @property
    def unique_shapes(self) -> tuple[str, ...]:
        """The shapes that are there once, signs aside."""
        shapes = [thing.shape for thing in self.things if thing.shape != "sign"]
        return tuple(shape for shape in SHAPES if shapes.count(shape) == 1)

    @property
    def unique_signs(self) -> tuple[Thing, ...]:
        """The signs whose colour no other sign has."""
        signs = [thing for thing in self.things if thing.shape == "sign"]
        colours = [sign.colour for sign in signs]
        return tuple(sign for sign in signs if colours.count(sign.colour) == 1)


def draw_scene(seed: int) -> Scene:
    """The scene of a seed."""
    rng = random.Random(f"miniature {seed}")
    shapes = rng.sample(SHAPES, len(SHAPES))
    unique = rng.randint(*_UNIQUE)
    wanted = [*shapes[:unique], *shapes[unique : unique + _TWINS] * 2]
    placed: list[Thing] = []
    for colour in rng.sample(list(COLOURS), rng.randint(*_SIGNS)):
        _place(placed, "sign", colour, rng)
    # Few colours a scene, so that many things share one.
    colours = rng.sample(list(COLOURS), 4)
    for shape in wanted:
        _place(placed, shape, rng.choice(colours), rng)
    return Scene(seed, (_tint(rng), _tint(rng)), tuple(placed))


def draw_wall(rng: random.Random, sizes: Sequence[int] = (2, 3, 3, 4, 4, 5)) -> Scene:
    """A crowd of things side by side, as many as one of `sizes` squared: more to learn from than any scene has.

    Up to nine things are all different.
    """
    lines = rng.choice(sizes)
    shapes, colours = rng.sample(SHAPES, len(SHAPES)), rng.sample(list(COLOURS), len(COLOURS))
    things = []
    for place in range(lines * lines):
        sign = rng.random() < 0.35 and bool(colours)
        width = (rng.uniform(0.8, 0.95) if sign else rng.uniform(0.62, 0.95)) / lines
        height = width / SIGN_ASPECT if sign else width
        x, y = ((at + 0.5 + rng.uniform(-0.12, 0.12)) / lines for at in (place % lines, place // lines))
        shape = "sign" if sign else shapes.pop() if shapes else rng.choice(SHAPES)
        colour = colours.pop() if sign else rng.choice(list(COLOURS))
        text = rng.choice(WORDS) if sign else str(rng.randrange(10))
        angle = 0.0 if sign else rng.uniform(-12, 12)
        things.append(Thing(shape, colour, text, x, y, width, height, angle))
    return Scene(rng.randrange(10**9), (_tint(rng), _tint(rng)), tuple(things))


def _place(placed: list[Thing], shape: str, colour: str, rng: random.Random) -> None:
    """Adds a thing where it touches no other; where no place is found, there is one thing less."""
    sign = shape == "sign"
    width = rng.uniform(*(SIGN_WIDTH if sign else THING_SIDE))
    height = width / SIGN_ASPECT if sign else width
    text = rng.choice(WORDS) if sign else str(rng.randrange(10))
    for _ in range(_TRIES):
        x = rng.uniform(width / 2 + _MARGIN, 1 - width / 2 - _MARGIN)
        y = rng.uniform(height / 2 + _MARGIN, 1 - height / 2 - _MARGIN)
        thing = Thing(shape, colour, text, x, y, width, height, 0.0 if sign else rng.uniform(-12, 12))
        if not any(_touch(thing, other) for other in placed):
            placed.append(thing)
            return


def _touch(a: Thing, b: Thing) -> bool:
    near_x = abs(a.x - b.x) < (a.width + b.width) / 2 + _MARGIN
    return near_x and abs(a.y - b.y) < (a.height + b.height) / 2 + _MARGIN


def _tint(rng: random.Random) -> Rgb:
    grey = rng.randint(120, 190)
    red, green, blue = (max(0, min(255, grey + rng.randint(-26, 26))) for _ in range(3))
    return red, green, blue
