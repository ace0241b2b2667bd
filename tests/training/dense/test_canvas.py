"""Canvases: what is in a box is still in it, and what is cut is not claimed."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip import images
from semclip.geometry import Box, Size
from semclip.relevance.dense import ALIGN_PX
from semclip.training.dense.canvas import ASPECTS, FILLS, Augment, Easel, draw, paint, place, shape_for, window_around
from tests.fakes import spotted
from tests.strategies import boxes

PLAIN = Augment(paint=False)
PAINT = (250, 10, 200)
seeds = st.integers(0, 10_000)
sides = st.integers(60, 240)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Size, Box, Box]:
    """A size, a box in it to paint, and another."""
    size = Size(draw(sides), draw(sides))
    width, height = draw(st.integers(8, size.width // 2)), draw(st.integers(8, size.height // 2))
    left, top = draw(st.integers(0, size.width - width)), draw(st.integers(0, size.height - height))
    return size, Box(left, top, left + width, top + height), draw(boxes(size))


@given(scenes(), seeds, st.booleans())
def test_a_painted_box_lands_where_its_box_does(scene: tuple[Size, Box, Box], seed: int, zoomed: bool) -> None:
    size, painted, other = scene
    picture = images.load(spotted(size, {painted: PAINT}))
    shape = shape_for(size, 16_000)
    easel = Easel(shape, Augment(zoom=float(zoomed), paint=False))
    canvas = draw(picture, [painted, other], [painted, other], easel, Random(seed))
    assert canvas.pixels.shape == (shape.height, shape.width, 3)
    assert ((canvas.boxes >= 0) & (canvas.boxes <= 1)).all()
    if not canvas.kept[0]:
        return
    rows, columns = np.nonzero((np.abs(canvas.pixels.astype(int) - PAINT) < 60).all(-1))
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    said = canvas.boxes[0] * np.array([shape.width, shape.height] * 2)
    # Half a pixel of rounding and one of interpolation: at most two.
    assert np.abs(found - said).max() <= 2
    inside = canvas.pixels[math.ceil(said[1]) + 2 : int(said[3]) - 2, math.ceil(said[0]) + 2 : int(said[2]) - 2]
    assert (np.abs(inside.astype(int) - PAINT) < 60).all()


@given(scenes(), seeds)
def test_one_that_is_wanted_is_always_there(scene: tuple[Size, Box, Box], seed: int) -> None:
    size, wanted, _ = scene
    picture = images.load(spotted(size, {}))
    canvas = draw(picture, [wanted], [wanted], Easel(Size(128, 128), Augment(zoom=1.0)), Random(seed))
    assert canvas.kept.tolist() == [True]


@given(boxes(Size(100, 80)), st.integers(0, 999), st.floats(0.05, 1.0))
def test_a_window_holds_its_box_and_stays_inside(box: Box, seed: int, least: float) -> None:
    window = window_around(box, Size(100, 80), Random(seed), least=least)
    assert window.left <= box.left < box.right <= window.right <= 100
    assert window.top <= box.top < box.bottom <= window.bottom <= 80
    assert window.size.width >= int(100 * least * 0.85)


@given(st.lists(boxes(), min_size=1, max_size=9), boxes())
def test_exactly_the_boxes_that_the_window_cuts_are_left_out(some: list[Box], window: Box) -> None:
    placed, kept = place(some, window, Box(10, 20, 50, 60), Size(64, 64))
    whole = [
        window.left <= box.left and window.top <= box.top and box.right <= window.right and box.bottom <= window.bottom
        for box in some
    ]
    assert kept.tolist() == whole
    assert placed.shape == (len(some), 4)


def test_a_box_moves_with_its_window() -> None:
    placed, kept = place([Box(30, 20, 50, 40)], Box(20, 20, 60, 60), Box(10, 0, 90, 80), Size(100, 80))
    np.testing.assert_allclose(placed, [[0.3, 0.0, 0.7, 0.5]], atol=1e-6)
    assert kept.all()


def test_without_zoom_the_whole_picture_is_shown() -> None:
    size, corners = Size(90, 70), [Box(0, 0, 5, 5), Box(85, 65, 90, 70)]
    picture = images.load(spotted(size, {}))
    for seed in range(20):
        canvas = draw(picture, corners, corners, Easel(Size(96, 96), Augment(zoom=0.0)), Random(seed))
        assert canvas.kept.all()


def test_around_the_picture_is_one_plain_tone() -> None:
    picture = images.load(np.full((40, 120, 3), 77, np.uint8))
    tones = set()
    for seed in range(30):
        canvas = draw(picture, [Box(0, 0, 120, 40)], [], Easel(Size(128, 128), PLAIN), Random(seed))
        around = canvas.pixels[(canvas.pixels != 77).any(-1)]
        assert len(np.unique(around)) == 1
        tones.add(int(around[0, 0]))
    assert tones == set(FILLS)


@given(sides, sides, seeds)
def test_the_same_seed_draws_the_same_canvas(width: int, height: int, seed: int) -> None:
    picture = images.load(spotted(Size(width, height), {Box(0, 0, 20, 20): PAINT}))
    spot, easel = [Box(0, 0, 20, 20)], Easel(Size(96, 64), Augment())
    one, same = (draw(picture, spot, spot, easel, Random(seed)) for _ in range(2))
    assert np.array_equal(one.pixels, same.pixels)
    assert np.array_equal(one.boxes, same.boxes)


def test_painting_changes_colors_and_no_edge() -> None:
    pixels = spotted(Size(40, 30), {Box(10, 10, 20, 20): PAINT})
    made = [paint(pixels, Random(seed)) for seed in range(40)]
    for one in made:
        assert one.shape == pixels.shape
        assert one.dtype == np.uint8
        assert len(np.unique(one.reshape(-1, 3), axis=0)) == 2
    assert any((one[..., 0] == one[..., 1]).all() and (one[..., 0] == one[..., 2]).all() for one in made)
    assert len({one.tobytes() for one in made}) == len(made)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([4_000, 12_288, 250_000]))
def test_shapes_are_few_and_fit_the_network(width: int, height: int, area_px: int) -> None:
    shape = shape_for(Size(width, height), area_px)
    assert shape.width % ALIGN_PX == shape.height % ALIGN_PX == 0
    assert shape in {shape_for(Size(round(1000 * aspect), 1000), area_px) for aspect in ASPECTS}


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_shape_has_about_the_area_and_aspect_that_were_asked_for(aspect: float) -> None:
    shape = shape_for(Size(round(1000 * aspect), 1000), 250_000)
    assert shape.area == pytest.approx(250_000, rel=0.1)
    assert shape.width / shape.height == pytest.approx(aspect, rel=0.1)
