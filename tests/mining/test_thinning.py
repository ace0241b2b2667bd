"""Thinning: within the budget, nothing twice, ψ's best among it, and a look at everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.geometry import Box, Size, coverage
from semclip.mining.thinning import thin
from semclip.proposals import Grid, pyramid
from semclip.selection import overlap
from tests.strategies import boxes

SIZE = Size(100, 100)
candidates = st.lists(boxes(SIZE), min_size=1, max_size=30)
budgets = st.integers(1, 40)
shares = st.floats(0, 1)


def scores_of(drawn: st.DataObject, many: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = st.floats(-10, 10) | st.just(-float("inf"))
    return np.array(drawn.draw(st.lists(values, min_size=many, max_size=many)))


@given(candidates, budgets, shares, st.data())
def test_a_budget_is_filled_and_nothing_is_tried_twice(
    given_boxes: list[Box], budget: int, explore: float, drawn: st.DataObject
) -> None:
    scores = scores_of(drawn, len(given_boxes))
    chosen = thin(scores, given_boxes, size=SIZE, budget=budget, explore=explore)
    assert len(chosen) == len(set(chosen)) == min(budget, len(given_boxes))
    assert set(chosen) <= set(range(len(given_boxes)))
    assert chosen == thin(scores, given_boxes, size=SIZE, budget=budget, explore=explore)


@given(candidates, budgets, shares, st.data())
def test_the_box_with_the_best_score_is_first_unless_all_explores(
    given_boxes: list[Box], budget: int, explore: float, drawn: st.DataObject
) -> None:
    scores = scores_of(drawn, len(given_boxes))
    [first, *_] = thin(scores, given_boxes, size=SIZE, budget=budget, explore=explore)
    kept = min(budget, len(given_boxes))
    if round(explore * kept) < kept and np.isfinite(scores).any():
        assert first == int(np.argmax(scores))


def test_the_best_do_not_repeat_each_other() -> None:
    near, far = [Box(0, 0, 20, 20), Box(2, 0, 22, 20), Box(4, 0, 24, 20)], Box(60, 60, 80, 80)
    chosen = thin(np.array([4.0, 3.0, 2.0, 1.0]), [*near, far], size=SIZE, budget=2, explore=0)
    assert chosen == (0, 3)


@given(st.sampled_from([Size(360, 360), Size(461, 933), Size(1920, 1080), Size(97, 31)]))
def test_half_of_the_usual_budget_looks_at_the_whole_picture(size: Size) -> None:
    given_boxes = pyramid(size)
    seen = np.zeros((size.height, size.width), bool)
    for index in thin(np.zeros(len(given_boxes)), given_boxes, size=size, budget=8, explore=1):
        box = given_boxes[index]
        seen[box.top : box.bottom, box.left : box.right] = True
    assert seen.mean() > 0.99


def test_exploring_shows_lines_of_text_whole() -> None:
    size = Size(400, 400)
    given_boxes = pyramid(size)
    chosen = [given_boxes[index] for index in thin(np.zeros(232), given_boxes, size=size, budget=8, explore=1)]
    lines = [Box(100, top, 300, top + 16) for top in range(0, 384, 8)]
    assert np.mean([any(coverage(line, by=box) >= 0.9 for box in chosen) for line in lines]) > 0.9


def test_exploring_takes_nothing_too_large_to_be_a_hit() -> None:
    given_boxes = [SIZE.box, Box(0, 0, 100, 60), *Grid(2, 2)(SIZE)]
    assert set(thin(np.zeros(6), given_boxes, size=SIZE, budget=4, explore=1)) == {2, 3, 4, 5}


def test_exploring_goes_where_the_best_have_not_looked() -> None:
    tiles = Grid(4, 4)(SIZE)
    scores = np.array([float(index < 4) for index in range(16)])
    chosen = thin(scores, tiles, size=SIZE, budget=8, explore=0.5)
    assert set(chosen[:4]) == {0, 1, 2, 3}
    assert all(overlap(tiles[new], tiles[old]) == 0 for new in chosen[4:] for old in chosen[:4])


@pytest.mark.parametrize(("budget", "explore"), [(0, 0.5), (4, -0.1), (4, 1.1)])
def test_a_budget_of_nothing_and_a_share_of_more_than_all_are_refused(budget: int, explore: float) -> None:
    with pytest.raises(InputError, match="budget >= 1 and a share from 0 to 1"):
        thin(np.zeros(1), [SIZE.box], size=SIZE, budget=budget, explore=explore)
