"""From trials to a threshold: no other is better, and none is tried on the images that it was chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.judges import Trial
from semclip.evaluation.thresholds import best_threshold, held_out


def trial(peak: float, *, alone: bool = False, aided: bool = True, image: str = "1.png") -> Trial:
    return Trial(Path(image), peak, alone, aided, 100, 300)


trials = st.builds(trial, st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8]), alone=st.booleans(), aided=st.booleans())


def right(rows: Sequence[Trial], threshold: float) -> int:
    return sum(row.aided if row.peak >= threshold else row.alone for row in rows)


def shown(rows: Sequence[Trial], threshold: float) -> int:
    return sum(row.peak >= threshold for row in rows)


def test_the_threshold_parts_where_crops_help_from_where_they_harm() -> None:
    rows = [trial(0.2, alone=True, aided=False), trial(0.4, alone=True), trial(0.6)]
    assert best_threshold(rows) == 0.5


def test_where_crops_never_help_the_gate_never_opens_and_else_always() -> None:
    assert best_threshold([trial(0.5, alone=True)]) == 1
    assert best_threshold([trial(0.5), trial(0.7)]) == 0


@given(st.lists(trials, min_size=1, max_size=12))
def test_no_other_threshold_has_more_right_or_as_many_with_fewer_crops(rows: list[Trial]) -> None:
    best = best_threshold(rows)
    for other in (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1):
        better, fewer = right(rows, other) - right(rows, best), shown(rows, other) < shown(rows, best)
        assert better < 0 or (better == 0 and not fewer)


@given(st.lists(trials, min_size=1, max_size=12), st.floats(0, 1))
def test_what_may_be_lost_is_never_exceeded_and_saves_crops(rows: list[Trial], may_lose: float) -> None:
    best, cheaper = best_threshold(rows), best_threshold(rows, may_lose=may_lose)
    assert cheaper >= best
    assert right(rows, cheaper) >= right(rows, best) - may_lose * len(rows) - 1e-9


def test_a_trial_is_decided_without_its_own_image() -> None:
    rows = [trial(0.5, alone=True, aided=False), trial(0.5)]
    # Crops harm the first and help the second; each is decided by the other, and so wrongly.
    assert held_out(rows, np.array([0, 1])).tolist() == [True, False]
