"""The size of the network's input, and box scores from heat maps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semclip.geometry import Box, Size
from semclip.relevance.dense import ALIGN_PX, box_scores, input_size, masses
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


@given(st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000)), st.sampled_from([100_000, 500_000, 800_000]))
def test_the_network_input_is_aligned_and_bounded(size: Size, area: int) -> None:
    chosen = input_size(size, area)
    assert chosen.width % ALIGN_PX == chosen.height % ALIGN_PX == 0
    assert chosen.area <= 1.4 * area  # 48 px, the least that is rounded up, become 64
    ratio = (chosen.width / chosen.height) / (size.width / size.height)
    if 0.25 < size.width / size.height < 4:
        assert 0.8 < ratio < 1.25
