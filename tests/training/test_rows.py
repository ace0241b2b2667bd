"""Rows before training: one a question of a picture, and positives that the other crops bear out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.geometry import Box, Size, coverage
from semclip.mining.store import MinedRow
from semclip.training.rows import agreed, shown, together

SIZE = Size(800, 800)
QUARTERS = tuple(Box(x, y, x + 200, y + 200) for y, x in product(range(0, 601, 100), repeat=2))
HALVES = tuple(Box(x, y, x + 400, y + 400) for y, x in product(range(0, 401, 200), repeat=2))


def row(boxes: Sequence[Box], rewards: Sequence[float], *, question: str = "what color is the star?") -> MinedRow:
    return MinedRow(
        id=question,
        image=Path("scene.png"),
        digest="scene",
        size=SIZE,
        question=question,
        answers=("red",),
        evidence=(),
        split=None,
        edges=np.array([box.to_list() for box in boxes], np.int32),
        rewards=np.array(rewards, np.float32),
        passes=3,
    )


def told(one: MinedRow) -> dict[Box, float]:
    return dict(zip(one.boxes, one.rewards.tolist(), strict=True))


def test_rows_of_one_question_become_one_with_the_higher_rewards_whatever_their_order() -> None:
    first, second = row(QUARTERS[:3], [0.9, 0.25, 0.0]), row(QUARTERS[2:5], [0.5, 0.75, 0.25])
    other = row(QUARTERS[:1], [0.5], question="what color is the house?")
    for rows in ([first, second, other], [second, first, other]):
        both, alone = together(rows)
        expected = dict(zip(QUARTERS[:5], [0.9, 0.25, 0.5, 0.75, 0.25], strict=True))
        assert told(both) == pytest.approx(expected)
        assert both.passes == 6
        assert told(alone) == {QUARTERS[0]: 0.5}
    assert together([first, second])[0].boxes == QUARTERS[:5]


def test_rows_of_other_splits_or_pictures_stay_apart() -> None:
    one = row(QUARTERS[:1], [1.0])
    assert len(together([one, replace(one, split="dev"), replace(one, digest="other")])) == 3


@pytest.mark.parametrize("place", [(130, 130), (430, 270), (690, 710)])
def test_the_place_that_crops_speak_for_is_found(place: tuple[int, int]) -> None:
    evidence = Box(place[0] - 20, place[1] - 20, place[0] + 20, place[1] + 20)
    boxes = HALVES + QUARTERS[::3]
    rewards = np.array([0.9 if coverage(evidence, box) == 1 else 0.1 for box in boxes])
    likely = shown(boxes, rewards, SIZE)
    assert likely[rewards > 0.5].max() > 0.9
    assert (likely[[coverage(evidence, box) == 0 for box in boxes]] < 0.2).all()


def test_a_positive_where_all_around_it_is_worth_nothing_counts_less() -> None:
    right, wrong = Box(100, 100, 300, 300), Box(500, 500, 700, 700)
    around, beside = Box(400, 400, 800, 800), Box(450, 550, 650, 750)
    boxes = (right, Box(0, 0, 400, 400), Box(150, 50, 350, 250), wrong, around, beside)
    before = row(boxes, [0.9, 0.9, 0.9, 0.9, 0.1, 0.1])
    after = told(agreed(before))
    assert after[right] > 0.5
    assert after[wrong] < 0.1
    assert (after[around], after[beside]) == pytest.approx((0.1, 0.1))


def test_of_two_places_that_are_as_good_the_opinion_of_a_psi_decides() -> None:
    boxes = (Box(0, 0, 200, 200), Box(600, 600, 800, 800), Box(0, 400, 400, 800))
    rewards = np.array([0.9, 0.9, 0.1])
    first, second, _ = shown(boxes, rewards, SIZE)
    assert first == pytest.approx(second)
    for opinion, better in (([3.0, 0.0, -1.0], 0), ([-2.0, 1.0, -np.inf], 1)):
        likely = shown(boxes, rewards, SIZE, np.array(opinion))
        assert likely[better] > 0.8
        assert 0.01 < likely[1 - better] < 0.2  # what ψ says is no proof
    silent = shown(boxes, rewards, SIZE, np.full(3, -np.inf))
    np.testing.assert_array_equal(silent, shown(boxes, rewards, SIZE))


@pytest.mark.parametrize("side", [40, 4, 1])
def test_crops_of_any_size_are_judged(side: int) -> None:
    small = tuple(Box(x, 300, x + side, 300 + side) for x in (10, 300, 500))
    around = Box(250, 250, 450, 450)
    likely = shown((*small, around), np.array([0.1, 0.9, 0.1, 0.9]), SIZE, np.array([0.0, 1.0, 0.0, 0.5]))
    assert np.isfinite(likely).all()
    assert likely.argmax() in (1, 3)
    assert likely[3] > 0.5
    if side > 1:
        assert likely[1] > 10 * likely[[0, 2]].max()


def test_without_a_positive_nothing_changes() -> None:
    before = row(QUARTERS, np.linspace(0, 0.49, len(QUARTERS)).tolist())
    assert told(agreed(before)) == told(before)


def test_pictures_of_any_shape_are_judged_by_shares_of_their_sides() -> None:
    wide = Size(3200, 400)
    stretched = tuple(Box(4 * b.left, b.top // 2, 4 * b.right, b.bottom // 2) for b in QUARTERS)
    rewards = np.random.default_rng(0).random(len(QUARTERS))
    np.testing.assert_allclose(shown(stretched, rewards, wide), shown(QUARTERS, rewards, SIZE))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=len(HALVES)))
def test_what_is_likely_is_a_probability_and_no_reward_rises(rewards: list[float]) -> None:
    boxes = HALVES[: len(rewards)]
    likely = shown(boxes, np.array(rewards), SIZE)
    assert ((likely >= 0) & (likely <= 1 + 1e-9)).all()
    before = row(boxes, rewards)
    assert (agreed(before).rewards <= before.rewards).all()
