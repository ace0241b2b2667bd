"""A second look at the best boxes of a first ψ."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semclip.geometry import Box
from semclip.relevance.reranking import merged, reranked, worth_trying
from semclip.types import Floats

SCORES = st.lists(st.floats(-50, 50), min_size=1, max_size=12)


@given(SCORES, st.data())
def test_what_was_tried_ranks_above_the_rest_which_keeps_its_order(first: list[float], data: st.DataObject) -> None:
    tried = data.draw(st.lists(st.integers(0, len(first) - 1), min_size=1, unique=True))
    scores = np.array(data.draw(st.lists(st.floats(-50, 50), min_size=len(tried), max_size=len(tried))))
    total = merged(np.array(first), tried, scores)
    assert total[tried].tolist() == scores.tolist()
    others = [index for index in range(len(first)) if index not in tried]
    if others:
        assert total[others].max() < scores.min()
        np.testing.assert_allclose(np.diff(total[others]), np.diff(np.array(first)[others]), atol=1e-9)


def test_what_must_not_be_chosen_stays_so() -> None:
    assert merged(np.array([1.0, -np.inf, 0.0]), [0], np.array([4.0])).tolist() == [4.0, -np.inf, 3.0]


def test_the_best_boxes_get_what_they_were_read_as() -> None:
    boxes = [Box(20 * index, 0, 20 * index + 10, 10) for index in range(4)]
    first, asked = np.array([1.0, 4.0, 3.0, 2.0]), []

    def read(tried: list[int]) -> Floats:
        asked.append(tried)
        return np.array(tried, np.float64)

    assert reranked(boxes, first, read, most=2).tolist() == [-1.0, 1.0, 2.0, 0.0]
    assert reranked(boxes, first, read, most=None).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert asked == [[1, 2], [1, 2, 3, 0]]
    assert reranked([], np.zeros(0), read, most=None).shape == (0,)
    assert len(asked) == 2


def test_boxes_that_repeat_each_other_are_tried_once() -> None:
    boxes = [Box(0, 0, 10, 10), Box(1, 0, 11, 10), Box(50, 50, 60, 60)]
    assert worth_trying(boxes, np.array([1.0, 3.0, 2.0]), 3) == [1, 2]
    assert worth_trying(boxes, np.array([1.0, 3.0, 2.0]), 3, max_overlap=1.0) == [1, 2, 0]
    assert worth_trying(boxes, np.array([1.0, 3.0, 2.0]), 1) == [1]
