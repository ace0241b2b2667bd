from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.metrics import (
    HIT_PARTS,
    TIGHT_PARTS,
    bootstrap_means,
    first_rank,
    headroom_share,
    hit_mask,
    percentile_interval,
    random_hit_rate,
    sign_flip_p_value,
)
from semclip.geometry import Box, Size, coverage
from semclip.relevance.baselines import Oracle
from semclip.types import Regions
from tests.strategies import boxes

SIZE = Size(100, 100)
outcomes = st.lists(st.integers(-3, 3), min_size=1, max_size=8)


@given(st.lists(boxes(), max_size=5), st.lists(boxes(), max_size=4))
def test_a_hit_covers_evidence_and_is_small(candidates: list[Box], evidence: list[Box]) -> None:
    hits = hit_mask(candidates, evidence, SIZE)
    for box, hit in zip(candidates, hits, strict=True):
        assert hit == (box.area <= 2500 and any(coverage(target, by=box) >= 0.9 for target in evidence))


@given(st.lists(boxes(), min_size=1, max_size=5), st.lists(boxes(), min_size=1, max_size=4))
def test_a_tight_hit_is_a_hit(candidates: list[Box], evidence: list[Box]) -> None:
    assert (hit_mask(candidates, evidence, SIZE, parts=TIGHT_PARTS) <= hit_mask(candidates, evidence, SIZE)).all()


@given(st.lists(boxes(), min_size=1, max_size=5), st.lists(boxes(), min_size=1, max_size=4))
def test_the_oracle_grades_by_these_hits(candidates: list[Box], evidence: list[Box]) -> None:
    regions = Regions(SIZE, tuple(candidates), np.zeros((len(candidates), 1)), "none")
    grades = Oracle(tuple(evidence), SIZE).score("what?", regions)
    hits, tight = (hit_mask(candidates, evidence, SIZE, parts=parts) for parts in (HIT_PARTS, TIGHT_PARTS))
    assert grades.tolist() == (hits.astype(int) + tight).tolist()


@pytest.mark.parametrize(("right", "hit"), [(18, True), (17, False)])
def test_exactly_nine_tenths_of_the_evidence_suffice(right: int, hit: bool) -> None:
    assert hit_mask([Box(0, 0, right, 20)], [Box(0, 0, 20, 20)], SIZE).tolist() == [hit]


def test_each_evidence_box_is_enough_alone() -> None:
    far_apart = [Box(0, 0, 5, 5), Box(90, 90, 95, 95)]
    assert hit_mask([Box(0, 0, 25, 25), Box(75, 75, 100, 100), Box(40, 40, 60, 60)], far_apart, SIZE).tolist() == [
        True,
        True,
        False,
    ]


def test_no_candidate_has_no_rank() -> None:
    assert first_rank(hit_mask([], [Box(0, 0, 1, 1)], SIZE)) == math.inf


@given(st.integers(1, 7), st.integers(0, 7), st.integers(1, 9))
def test_chance_is_the_share_of_draws_that_hit(candidates: int, hitting: int, k: int) -> None:
    hitting = min(hitting, candidates)
    draws = list(itertools.combinations(range(candidates), min(k, candidates)))
    hits = sum(any(index < hitting for index in draw) for draw in draws)
    assert random_hit_rate(candidates, hitting, k) == pytest.approx(hits / len(draws))


def test_headroom_may_be_negative_and_may_be_absent() -> None:
    assert headroom_share(0.1, 0.2, 0.7) == pytest.approx(-0.2)
    assert math.isnan(headroom_share(0.2, 0.2, 0.2))


@given(outcomes)
def test_the_p_value_is_the_share_of_sign_patterns_at_least_as_extreme(differences: list[int]) -> None:
    observed = abs(sum(differences))
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(differences))
    ]
    expected = sum(total >= observed for total in sums) / len(sums)
    assert sign_flip_p_value(np.array(differences)) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 40), st.integers(0, 40))
def test_with_one_question_an_image_it_is_the_exact_mcnemar_test(won: int, lost: int) -> None:
    tail = sum(math.comb(won + lost, i) for i in range(min(won, lost) + 1)) / 2 ** (won + lost)
    assert sign_flip_p_value(np.array([1] * won + [-1] * lost)) == pytest.approx(min(1, 2 * tail), abs=1e-12)


def test_a_p_value_is_never_zero() -> None:
    assert 0 < sign_flip_p_value(np.ones(500, np.int64)) < 1e-12


def test_questions_on_one_image_are_drawn_together() -> None:
    values = np.repeat([[0.0], [1.0]], 50, axis=0)
    one_image_each = bootstrap_means(values, np.arange(100), seed=0)
    two_images = bootstrap_means(values, np.repeat([0, 1], 50), seed=0)
    assert set(two_images.ravel()) == {0.0, 0.5, 1.0}
    assert np.ptp(percentile_interval(one_image_each)) < np.ptp(percentile_interval(two_images))


def test_an_image_counts_by_its_questions() -> None:
    means = bootstrap_means(np.array([[1.0], [1.0], [1.0], [0.0]]), np.array([0, 0, 0, 1]), seed=0)
    assert set(means.ravel()) == {0.0, 0.75, 1.0}


def test_the_interval_is_that_of_theory() -> None:
    values = np.repeat([[0.0], [1.0]], 200, axis=0)
    low, high = percentile_interval(bootstrap_means(values, np.arange(400), seed=1))[:, 0]
    assert (low, high) == (pytest.approx(0.451, abs=0.006), pytest.approx(0.549, abs=0.006))


def test_columns_share_their_draws_and_the_seed_decides_them() -> None:
    values = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    means = bootstrap_means(values, np.arange(3), seed=7)
    assert np.allclose(means.sum(axis=1), 1)
    assert np.array_equal(means, bootstrap_means(values, np.arange(3), seed=7))
    assert not np.array_equal(means, bootstrap_means(values, np.arange(3), seed=8))


def test_many_images_are_resampled_in_parts() -> None:
    means = bootstrap_means(np.ones((30_000, 1)), np.arange(30_000), seed=0, resamples=101)
    assert means.shape == (101, 1)
    assert (means == 1).all()
