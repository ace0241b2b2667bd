"""p of fractions: as for whole numbers where they are that, and near the exact law where they are not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.answers.significance import p_value
from semclip.evaluation.metrics import sign_flip_p_value
from semclip.types import Floats

HALVES = st.lists(st.integers(-6, 6), min_size=1, max_size=7).map(lambda values: np.array(values) / 2)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_whole_numbers_are_tested_exactly(values: list[int]) -> None:
    assert p_value(np.array(values, np.float64)) == sign_flip_p_value(np.array(values))


@given(HALVES)
def test_fractions_are_tested_as_all_sign_patterns_would(values: Floats) -> None:
    sums = np.array([np.dot(signs, values) for signs in product((1, -1), repeat=len(values))])
    exact = (np.abs(sums) >= abs(values.sum()) - 1e-9).mean()
    assert p_value(values) == pytest.approx(exact, abs=0.03)


def test_the_same_seed_draws_the_same_and_p_is_never_0() -> None:
    values = np.full(60, 0.3)
    assert p_value(values, seed=1) == p_value(values, seed=1) == 1 / 10_001
    assert p_value(-values) == p_value(values)


def test_many_images_fit_in_memory() -> None:
    assert p_value(np.tile([0.3, -0.3], 50_000), draws=100) == 1
