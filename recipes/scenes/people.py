"""Figures that carry something by whose colour they can be asked for."""

from __future__ import annotations

import random

from recipes.scenes.area import Area
from recipes.scenes.canvas import Canvas
from recipes.scenes.paint import Rgb, darker, lighter

_SKIN: tuple[Rgb, ...] = ((246, 212, 184), (224, 172, 134), (176, 122, 86), (120, 80, 56), (92, 60, 44))
_HAIR: tuple[Rgb, ...] = ((36, 28, 26), (84, 56, 36), (170, 128, 72), (120, 116, 112), (140, 66, 36))
_COATS: tuple[Rgb, ...] = ((60, 66, 84), (120, 112, 100), (84, 96, 78), (148, 128, 104), (70, 54, 60), (98, 108, 122))


def draw_person(canvas: Canvas, body: Area, rng: random.Random) -> None:
    """A standing or walking figure."""
    skin, hair, coat = rng.choice(_SKIN), rng.choice(_HAIR), rng.choice(_COATS)
    trousers = darker(rng.choice(_COATS), 0.45)
    canvas.glow(body.part(-0.35, 0.95, 1.35, 1.05), (0, 0, 0), strength=0.6)
    stride = rng.uniform(0.02, 0.16)
    for hip, foot in ((0.4, 0.42 - stride), (0.6, 0.58 + stride)):
        canvas.line([body.at(hip, 0.55), body.at(foot, 0.97)], trousers, width=0.2 * body.width)
        canvas.rectangle(
            Area(*body.at(foot - 0.1, 0.965), 0.28 * body.width, 0.03 * body.height), (30, 26, 26), radius=2
        )
    canvas.gradient(body.part(0.2, 0.19, 0.8, 0.62), lighter(coat, 0.12), darker(coat, 0.15), radius=0.22 * body.width)
    for shoulder, hand in ((0.27, 0.14), (0.73, 0.86)):
        canvas.line([body.at(shoulder, 0.25), body.at(hand, 0.5)], darker(coat, 0.12), width=0.17 * body.width)
        canvas.ellipse(Area(*body.at(hand - 0.08, 0.485), 0.17 * body.width, 0.17 * body.width), skin)
    canvas.rectangle(body.part(0.43, 0.13, 0.57, 0.2), darker(skin, 0.12))
    canvas.ellipse(body.part(0.31, 0.0, 0.69, 0.16), hair)
    canvas.ellipse(body.part(0.34, 0.035, 0.66, 0.165), skin)


def draw_umbrella(canvas: Canvas, body: Area, colour: Rgb) -> Area:
    """An open umbrella over a figure; gives its place, stick included."""
    place = body.part(-0.55, -0.32, 1.55, 0.5)
    canvas.line([place.at(0.66, 0.1), place.at(0.66, 1)], (70, 54, 44), width=0.05 * body.width)
    dome = place.part(0, 0, 1, 0.62)
    rim = [dome.at(x / 6, 0.52 if x % 2 == 0 else 0.46) for x in range(6, -1, -1)]
    arch = [dome.at(x, y) for x, y in ((0.0, 0.52), (0.06, 0.34), (0.18, 0.16), (0.34, 0.05), (0.5, 0.0))]
    canvas.polygon([*arch, *[(2 * dome.at(0.5, 0)[0] - x, y) for x, y in reversed(arch)], *rim], colour)
    for x in (0.2, 0.35):
        canvas.polygon([dome.at(0.5, 0), dome.at(x - 0.03, 0.5), dome.at(x + 0.1, 0.5)], (*lighter(colour, 0.5), 90))
    canvas.polygon(
        [dome.at(0.5, 0), dome.at(0.72, 0.48), dome.at(1.0, 0.52), dome.at(0.9, 0.26)], (*darker(colour, 0.5), 90)
    )
    return place.part(0, 0, 1, 0.62)


def draw_balloon(canvas: Canvas, body: Area, colour: Rgb) -> Area:
    """A balloon on a string in a figure's hand; gives the place of the balloon."""
    balloon = body.part(0.75, -0.48, 1.55, -0.12)
    canvas.line([balloon.at(0.5, 1), body.at(1.05, 0.2), body.at(0.86, 0.5)], (230, 230, 230), width=1.2)
    canvas.polygon([balloon.at(0.5, 0.95), balloon.at(0.42, 1.06), balloon.at(0.58, 1.06)], darker(colour, 0.2))
    canvas.ellipse(balloon, darker(colour, 0.16))
    canvas.ellipse(balloon.part(0.03, 0.0, 0.9, 0.92), colour)
    canvas.glow(balloon.part(0.16, 0.08, 0.56, 0.5), (255, 255, 255), strength=0.6)
    return balloon
