"""A thing's colour is told by its own pixels."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.embedded.colours import by_colour, colour_shares
from recipes.embedded.pictures import COLOURS, Fractions
from semclip.types import Pixels

LEFT, RIGHT = (0.1, 0.2, 0.4, 0.8), (0.6, 0.2, 0.9, 0.8)


def picture(boxes: dict[Fractions, tuple[int, int, int]]) -> Pixels:
    pixels = np.full((100, 200, 3), 150, np.uint8)
    for (x0, y0, x1, y1), colour in boxes.items():
        pixels[round(y0 * 100) : round(y1 * 100), round(x0 * 200) : round(x1 * 200)] = colour
    return pixels


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("light", [0.75, 1.0])
def test_a_colour_is_known_in_light_and_in_shadow(name: str, light: float) -> None:
    red, green, blue = (round(value * light) for value in COLOURS[name])
    shares = dict(zip(COLOURS, colour_shares(picture({LEFT: (red, green, blue)}), LEFT), strict=True))
    alike = {"white": {"grey", "white"}, "orange": {"orange", "brown"}, "pink": {"pink", "purple"}}.get(name, {name})
    assert sum(shares[one] for one in alike) == 1


def test_each_colour_has_the_boxes_that_only_it_has() -> None:
    pixels = picture({LEFT: COLOURS["red"], RIGHT: COLOURS["blue"]})
    assert by_colour(pixels, [LEFT, RIGHT]) == {"red": (LEFT,), "blue": (RIGHT,)}
    assert by_colour(picture({LEFT: COLOURS["red"], RIGHT: COLOURS["red"]}), [LEFT, RIGHT]) == {"red": (LEFT, RIGHT)}


def test_a_colour_that_another_box_half_has_is_not_named() -> None:
    pixels = picture({LEFT: COLOURS["red"], RIGHT: COLOURS["blue"]})
    pixels[20:80, 140:152] = COLOURS["red"]
    assert by_colour(pixels, [LEFT, RIGHT]) == {"blue": (RIGHT,)}


def test_a_thing_of_many_colours_has_none() -> None:
    pixels = picture({})
    pixels[:, 20:80] = np.random.default_rng(0).integers(0, 2, (100, 60, 3)) * 255
    assert by_colour(pixels, [LEFT]) == {}
