"""What places where an answer was read say of boxes that nobody looked at."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semclip.geometry import Box, coverage
from semclip.mining.readers.implied import PARTIAL, Place, implied_rewards
from tests.strategies import boxes

REWARDS = st.sampled_from([0.5, 0.75, 1.0])


@st.composite
def places(draw: st.DrawFn) -> Place:
    edges = [float(edge) for edge in astuple(draw(boxes()))]
    return Place((edges[0], edges[1], edges[2], edges[3]), draw(st.integers(1, 100)), draw(REWARDS))


candidates = st.lists(boxes(), min_size=1, max_size=6)
known = st.lists(places(), max_size=3)


def long_side(box: Box) -> int:
    return max(box.size.width, box.size.height)


def share(box: Box, place: Place) -> float:
    return coverage(Box(*(int(edge) for edge in place.edges)), by=box)


def by_hand(box: Box, known: list[Place]) -> float:
    shown = [place for place in known if share(box, place) >= 0.9]
    legible = [place.reward for place in shown if long_side(box) <= place.long_side_px]
    if legible:
        return max(legible)
    if shown or not known:
        return np.nan
    return PARTIAL if any(share(box, place) >= 0.1 for place in known) else 0


@given(candidates, known)
def test_boxes_not_tried_follow_the_rules_one_by_one(boxes: list[Box], known: list[Place]) -> None:
    expected = np.array([by_hand(box, known) for box in boxes], np.float32)
    np.testing.assert_array_equal(implied_rewards(boxes, known, {}), expected)


@given(candidates, known, st.data())
def test_what_was_seen_goes_before_what_is_implied_and_changes_no_other_box(
    boxes: list[Box], known: list[Place], data: st.DataObject
) -> None:
    tried = data.draw(st.dictionaries(st.integers(0, len(boxes) - 1), st.sampled_from([0.0, 1.0])))
    values, others = implied_rewards(boxes, known, tried), implied_rewards(boxes, known, {})
    assert values.dtype == np.float32
    assert all(values[index] == reward for index, reward in tried.items())
    untried = [index for index in range(len(boxes)) if index not in tried]
    np.testing.assert_array_equal(values[untried], others[untried])


@given(candidates, known, places())
def test_one_more_place_never_lowers_what_a_positive_is_worth(
    boxes: list[Box], known: list[Place], more: Place
) -> None:
    before, after = implied_rewards(boxes, known, {}), implied_rewards(boxes, [*known, more], {})
    positive = before >= 0.5
    assert (after[positive] >= before[positive]).all()


@given(boxes(), places())
def test_a_box_within_another_that_shows_the_place_is_worth_no_less(box: Box, place: Place) -> None:
    """The smaller of two boxes shows what both hold larger."""
    left, top, right, bottom = (int(edge) for edge in place.edges)
    inner = Box(left, top, right, bottom)
    outer = Box(min(left, box.left), min(top, box.top), max(right, box.right), max(bottom, box.bottom))
    tight, wide = implied_rewards([inner, outer], [place], {})
    assert tight == place.reward or long_side(inner) > place.long_side_px
    assert np.isnan(wide) or tight == wide == place.reward


def test_with_no_place_nothing_is_known_but_what_was_tried() -> None:
    values = implied_rewards([Box(0, 0, 9, 9), Box(0, 0, 5, 5)], [], {1: 0.0})
    np.testing.assert_array_equal(values, np.array([np.nan, 0], np.float32))
