"""Proposers cover every pixel, stay inside, repeat nothing and stay few."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.proposals import DEFAULT_WINDOWS, Grid, Pyramid, grid, pyramid
from semclip.protocols import Proposer
from tests.strategies import sizes

small_sizes = st.builds(Size, st.integers(1, 90), st.integers(1, 90))
grids = st.builds(Grid, st.integers(1, 7), st.integers(1, 7))
fractions = st.floats(0.05, 1.0)
pyramids = st.builds(
    Pyramid, st.lists(st.tuples(fractions, fractions), min_size=1, max_size=3).map(tuple), st.floats(0.3, 1.0)
)
proposers = grids | pyramids | st.just(pyramid)


@given(proposers, small_sizes)
def test_every_pixel_is_covered_by_boxes_that_stay_inside_and_differ(proposer: Proposer, size: Size) -> None:
    boxes = proposer(size)
    covered = np.zeros((size.height, size.width), bool)
    for box in boxes:
        assert box.within(size)
        covered[box.top : box.bottom, box.left : box.right] = True
    assert covered.all()
    assert len(set(boxes)) == len(boxes)


@given(sizes)
def test_the_default_is_few_and_the_same_each_time(size: Size) -> None:
    boxes = pyramid(size)
    assert len(boxes) <= 400
    assert boxes == Pyramid()(size)


@given(sizes)
def test_no_default_window_is_larger_than_a_tile_of_the_grid(size: Size) -> None:
    assert all(box.area * 4 <= size.area for box in pyramid(size) if size.width >= 16 and size.height >= 16)


@given(st.builds(Size, st.integers(200, 4000), st.integers(200, 4000)), st.floats(0, 1), st.floats(0, 1))
def test_every_small_thing_fits_whole_into_a_close_up(size: Size, x: float, y: float) -> None:
    """Half-window steps: what is at most an eighth of each side lies whole in a window of a quarter of each side."""
    width, height = size.width // 8 - 2, size.height // 8 - 2
    left, top = int(x * (size.width - width)), int(y * (size.height - height))
    close_ups = [box for box in pyramid(size) if box.area * 16 <= size.area]
    assert any(
        box.left <= left and box.top <= top and left + width <= box.right and top + height <= box.bottom
        for box in close_ups
    )


def test_a_line_of_text_fits_into_a_wide_window() -> None:
    assert any(box.left == 0 and box.right == 1600 and box.size.height == 75 for box in pyramid(Size(1600, 1200)))


def test_the_grid_is_what_anyres_feeds() -> None:
    assert grid(Size(4, 2)) == (Box(0, 0, 2, 1), Box(2, 0, 4, 1), Box(0, 1, 2, 2), Box(2, 1, 4, 2))


def test_names_tell_proposers_apart() -> None:
    different: list[Proposer] = [grid, pyramid, Grid(3, 2), Pyramid(step=1.0), Pyramid(DEFAULT_WINDOWS[:2])]
    assert (pyramid.name, grid.name) == ("pyramid", "grid:2x2")
    assert len({proposer.name for proposer in different}) == 5


@pytest.mark.parametrize("windows", [(), ((0.0, 1.0),), ((1.5, 0.5),)])
def test_impossible_windows_are_refused(windows: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(InputError, match="fractions"):
        Pyramid(windows)


@pytest.mark.parametrize("step", [0.0, 1.1])
def test_a_step_that_leaves_gaps_is_refused(step: float) -> None:
    with pytest.raises(InputError, match="uncovered"):
        Pyramid(step=step)


def test_an_empty_grid_is_refused() -> None:
    with pytest.raises(InputError, match="0x2"):
        Grid(0, 2)
