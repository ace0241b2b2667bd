"""Montages: layouts that fit, fill and say what they are; and the drawing."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semclip.adapters.montage import NEUTRAL, Layout, contained, draw, layout
from semclip.errors import InputError
from semclip.geometry import Box, Size, intersection_area
from tests.strategies import sizes

canvases = st.builds(Size, st.integers(100, 1400), st.integers(100, 1400))
pictures = st.lists(sizes, min_size=2, max_size=7)
SQUARE, WIDE, TALL = Size(100, 100), Size(200, 100), Size(100, 200)


@given(canvases, pictures)
def test_pictures_lie_apart_inside_the_canvas(canvas: Size, shown: list[Size]) -> None:
    boxes = layout(canvas, shown).boxes
    assert len(boxes) == len(shown)
    assert all(box.within(canvas) for box in boxes)
    assert all(intersection_area(a, b) == 0 for a, b in combinations(boxes, 2))


@given(canvases, pictures)
def test_shapes_are_kept_to_a_pixel_or_two(canvas: Size, shown: list[Size]) -> None:
    for box, size in zip(layout(canvas, shown).boxes, shown, strict=True):
        drawn = box.size
        wide = size.width >= size.height
        scale = drawn.width / size.width if wide else drawn.height / size.height
        assert abs(drawn.height - size.height * scale if wide else drawn.width - size.width * scale) <= 2


@given(canvases, pictures)
def test_the_arrangement_is_the_one_drawn(canvas: Size, shown: list[Size]) -> None:
    laid = layout(canvas, shown)
    overview, *crops = laid.boxes
    if laid.arrangement.overview == "above":
        assert all(overview.bottom <= crop.top for crop in crops)
    else:
        assert all(overview.right <= crop.left for crop in crops)
    assert in_reading_order(laid)


def in_reading_order(laid: Layout) -> bool:
    neighbours = list(pairwise(laid.boxes[1:]))
    to_the_right = [a.right <= b.left for a, b in neighbours]
    below = [a.bottom <= b.top for a, b in neighbours]
    match laid.arrangement.crops:
        case "row":
            return all(to_the_right)
        case "column":
            return all(below)
        case _:
            return all(x or y for x, y in zip(to_the_right, below, strict=True))


@given(canvases, pictures)
def test_no_picture_is_smaller_than_the_common_scale_says(canvas: Size, shown: list[Size]) -> None:
    laid = layout(canvas, shown)
    for box, size in zip(laid.boxes, shown, strict=True):
        alone = contained(size, canvas)
        assert box.size.width >= alone.width * laid.scale - 2
        assert box.size.height >= alone.height * laid.scale - 2


@given(canvases, pictures)
def test_a_turned_canvas_of_turned_pictures_is_as_good(canvas: Size, shown: list[Size]) -> None:
    turned = layout(Size(canvas.height, canvas.width), [Size(size.height, size.width) for size in shown])
    assert turned.scale == layout(canvas, shown).scale


@given(canvases, sizes, st.integers(1, 6))
def test_one_more_crop_never_makes_them_larger(canvas: Size, size: Size, crops: int) -> None:
    assert layout(canvas, [size] * (crops + 2)).scale <= layout(canvas, [size] * (crops + 1)).scale + 1e-9


@pytest.mark.parametrize(
    ("shown", "overview", "crops"),
    [
        ([WIDE, SQUARE, SQUARE], "above", "row"),
        ([TALL, SQUARE, SQUARE], "beside", "column"),
        ([SQUARE] * 5, "above", "rows"),
        ([WIDE, WIDE], "above", "row"),
        ([TALL, TALL], "beside", "column"),
    ],
)
def test_shapes_decide_the_arrangement(shown: list[Size], overview: str, crops: str) -> None:
    arrangement = layout(Size(672, 672), shown).arrangement
    assert (arrangement.overview, arrangement.crops) == (overview, crops)


def test_a_wide_overview_above_two_squares_fills_the_canvas() -> None:
    laid = layout(Size(672, 672), [WIDE, SQUARE, SQUARE])
    assert laid.boxes == (Box(4, 0, 668, 332), Box(0, 340, 332, 672), Box(340, 340, 672, 672))


def test_a_montage_needs_a_crop_and_room() -> None:
    with pytest.raises(InputError, match="at least one crop, got 1 pictures"):
        layout(Size(672, 672), [WIDE])
    with pytest.raises(InputError, match="of 9 pictures needs a larger canvas, got 3x3"):
        layout(Size(3, 3), [SQUARE] * 9)


def test_pictures_are_drawn_in_their_boxes_on_neutral_ground() -> None:
    red = Image.new("RGB", (2, 2), "red")
    drawn = draw(Size(6, 4), [Box(3, 1, 5, 3)], [red])
    assert drawn.size == (6, 4)
    assert drawn.crop((3, 1, 5, 3)).tobytes() == red.tobytes()
    assert {color for _, color in drawn.getcolors() or []} == {NEUTRAL, (255, 0, 0)}
    assert sum(count for count, color in drawn.getcolors() or [] if color == NEUTRAL) == 20
