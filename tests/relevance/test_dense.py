"""The size of the network's input, and box scores from heat maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semclip.geometry import Box, Size, intersection_area
from semclip.relevance.dense import (
    ALIGN_PX,
    BLOCK,
    box_scores,
    covered,
    fractions,
    input_size,
    masses,
    votes,
    weigh,
)
from tests.strategies import boxes

SIZE = Size(100, 100)
heats = arrays.arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 5))


@given(heats)
def test_the_whole_image_holds_all_heat(heat: np.ndarray) -> None:
    assert np.isclose(masses(heat, [SIZE.box], SIZE)[0], heat.sum())


@given(heats, st.data())
def test_masses_equal_a_sum_over_pixels(heat: np.ndarray, data: st.DataObject) -> None:
    height, width = heat.shape
    size = Size(width * 4, height * 4)
    some = data.draw(st.lists(boxes(size), min_size=1, max_size=5))
    dense = np.kron(heat, np.ones((4, 4))) / 16
    expected = [dense[box.top : box.bottom, box.left : box.right].sum() for box in some]
    assert np.allclose(masses(heat, some, size), expected)


@given(heats, st.permutations([Box(0, 0, 50, 50), Box(10, 10, 90, 30), Box(70, 70, 100, 100)]))
def test_scores_follow_their_boxes(heat: np.ndarray, order: list[Box]) -> None:
    scores = dict(zip(order, box_scores(heat, order, SIZE, size_weight=0.3), strict=True))
    again = box_scores(heat, sorted(order), SIZE, size_weight=0.3)
    assert [scores[box] for box in sorted(order)] == again.tolist()


def test_the_smallest_box_around_the_evidence_wins_and_a_box_beside_it_loses() -> None:
    heat = np.full((10, 10), -8.0)
    heat[2:4, 6:8] = 8.0
    tight, loose, beside = Box(60, 20, 80, 40), Box(40, 0, 100, 60), Box(0, 60, 20, 80)
    scores = box_scores(heat, [loose, beside, tight], SIZE, size_weight=0.3)
    assert np.argsort(-scores).tolist() == [2, 0, 1]


@given(heats, st.floats(-50, 50))
def test_only_differences_of_heat_count(heat: np.ndarray, shift: float) -> None:
    some = [Box(0, 0, 30, 30), Box(20, 50, 100, 100)]
    plain = box_scores(heat, some, SIZE, size_weight=0.3)
    assert np.allclose(plain, box_scores(heat + shift, some, SIZE, size_weight=0.3))


def answers(heat: np.ndarray, box: Box) -> np.ndarray:
    """Of cells of ten pixels: their heat, and votes for one box, wherever they lie."""
    height, width = heat.shape
    y, x = np.mgrid[:height, :width] + 0.5
    sides = [x - box.left / 10, y - box.top / 10, box.right / 10 - x, box.bottom / 10 - y]
    return np.stack([heat, *np.log(np.maximum(sides, 1e-6))], axis=-1)


def test_cells_vote_for_what_lies_around_them() -> None:
    heat = np.zeros((10, 10))
    heat[3, 6] = 20.0
    shares, voted = votes(answers(heat, Box(55, 25, 75, 45)), 1.0)
    assert np.isclose(shares.max(), 1, atol=1e-3)
    assert np.allclose(voted[shares.argmax()], [0.55, 0.25, 0.75, 0.45])


@given(heats)
def test_blocks_share_what_their_cells_hold(heat: np.ndarray) -> None:
    shares, _ = votes(answers(heat, Box(0, 0, 9, 9)), 1.0)
    whole = np.exp(heat) / np.exp(heat).sum()
    rows, columns = (range(0, side, BLOCK) for side in heat.shape)
    expected = [whole[y : y + BLOCK, x : x + BLOCK].sum() for y in rows for x in columns]
    assert np.allclose(shares, expected)


@given(heats, st.data())
def test_votes_share_out_the_evidence_and_stay_in_the_picture(heat: np.ndarray, data: st.DataObject) -> None:
    sides = data.draw(arrays.arrays(np.float64, (*heat.shape, 4), elements=st.floats(-60, 60)))
    shares, voted = votes(np.concatenate([heat[..., None], sides], axis=-1), 1.0)
    assert np.isclose(shares.sum(), 1)
    assert ((voted >= 0) & (voted <= 1)).all()
    assert (voted[:, 2:] > voted[:, :2]).all()


@given(st.lists(boxes(SIZE), min_size=1, max_size=4), st.lists(boxes(SIZE), min_size=1, max_size=4))
def test_covered_counts_pixels(some: list[Box], others: list[Box]) -> None:
    expected = [[intersection_area(a, b) / a.area for b in others] for a in some]
    assert np.allclose(covered(fractions(some, SIZE), fractions(others, SIZE)), expected, atol=1e-4)


def test_the_smallest_box_that_holds_the_vote_wins_and_half_of_the_evidence_is_none() -> None:
    heat = np.full((10, 10), -8.0)
    heat[2:4, 6:8] = 8.0
    seen = answers(heat, Box(60, 20, 80, 40))
    tight, loose, half, beside = Box(58, 18, 82, 42), Box(40, 0, 100, 60), Box(60, 20, 80, 30), Box(0, 60, 20, 80)
    scores = weigh(seen, [loose, beside, tight, half], SIZE, size_weight=0.3).scores
    assert np.argsort(-scores).tolist() == [2, 0, 3, 1]
    assert scores[3] < scores[2] - 3


@given(heats, st.lists(boxes(SIZE), min_size=1, max_size=5), st.floats(0, 1))
def test_scores_rise_with_what_boxes_are_worth(heat: np.ndarray, some: list[Box], size_weight: float) -> None:
    scores, worth = weigh(answers(heat, Box(10, 10, 60, 60)), some, SIZE, size_weight=size_weight)
    assert worth is not None
    assert (worth >= 0).all()
    differences = scores - np.log(worth.sum(0))
    assert np.allclose(differences, differences[0])


def test_evidence_in_two_places_is_two_pieces() -> None:
    heat = np.full((10, 10), -30.0)
    heat[1, 1] = heat[8, 8] = 8.0
    seen = answers(heat, Box(0, 0, 20, 20))
    seen[5:] = answers(heat, Box(80, 80, 100, 100))[5:]
    one, other, both = Box(0, 0, 20, 20), Box(80, 80, 100, 100), Box(0, 0, 100, 100)
    _, worth = weigh(seen, [one, other, both], SIZE, size_weight=0.0)
    assert worth is not None
    assert worth[:, :2].max(1).sum() == pytest.approx(worth[:, 2].sum(), abs=1e-3)
    assert worth[:, 0].sum() == pytest.approx(0.5, abs=2e-3)


@given(heats, st.floats(0, 50))
def test_warmth_tells_whether_there_is_anything_and_differences_where(heat: np.ndarray, warmer: float) -> None:
    some, where = [Box(0, 0, 30, 30), Box(20, 50, 100, 100)], Box(10, 10, 60, 60)
    heat = heat.round(2)  # what is hottest by less is not so any longer, once 500 is added
    cold, plain, warm = (weigh(answers(heat + more, where), some, SIZE).scores for more in (-500, 0, warmer))
    assert np.allclose(np.diff(cold), np.diff(plain))
    assert np.allclose(np.diff(warm), np.diff(plain))
    assert (cold < -400).all()
    assert (plain <= warm + 1e-9).all()
    assert (warm <= weigh(answers(heat + 500, where), some, SIZE).scores + 1e-9).all()


@given(st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000)), st.sampled_from([100_000, 500_000, 800_000]))
def test_the_network_input_is_aligned_and_bounded(size: Size, area: int) -> None:
    chosen = input_size(size, area)
    assert chosen.width % ALIGN_PX == chosen.height % ALIGN_PX == 0
    assert chosen.area <= 1.4 * area  # 48 px, the least that is rounded up, become 64
    ratio = (chosen.width / chosen.height) / (size.width / size.height)
    if 0.25 < size.width / size.height < 4:
        assert 0.8 < ratio < 1.25
