"""The reader that goes by evidence: its rewards agree with the measures, and it takes no pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.evaluation.metrics import hit_mask
from semclip.geometry import Box, Size
from semclip.logs import Example
from semclip.mining.readers.boxes import HIT, PARTIAL, TIGHT, BoxesReader, evidence_rewards
from semclip.mining.rewards import POSITIVE, Query, Rewards
from semclip.proposals import pyramid
from tests.fakes import ArrayPicture, spotted
from tests.strategies import boxes

SIZE = Size(100, 100)
PICTURE = ArrayPicture(spotted(SIZE, {}))


def query(*evidence: Box) -> Query:
    candidates = pyramid(SIZE)
    return Query(Example("a", Path("a.png"), "where?", (), evidence), candidates, tuple(range(len(candidates))))


@given(st.lists(boxes(SIZE), min_size=1, max_size=20), st.lists(boxes(SIZE), min_size=1, max_size=3))
def test_positives_are_the_hits_and_the_tight_ones_are_worth_most(candidates: list[Box], evidence: list[Box]) -> None:
    rewards = evidence_rewards(candidates, evidence, SIZE)
    hits, tight = (hit_mask(candidates, evidence, SIZE, parts=parts) for parts in (2, 4))
    assert rewards.dtype == np.float32
    assert ((rewards >= POSITIVE) == hits).all()
    assert (rewards[tight] == np.float32(TIGHT)).all()
    assert (rewards[hits & ~tight] == np.float32(HIT)).all()
    assert ((rewards[~hits] >= 0) & (rewards[~hits] <= np.float32(PARTIAL))).all()


def test_what_shows_less_than_half_of_the_evidence_is_worth_nothing_and_all_of_it_in_a_large_box_little() -> None:
    evidence = [Box(0, 0, 10, 10)]
    halves = [Box(0, 0, 10, 5), Box(0, 0, 10, 6), Box(0, 0, 10, 8), SIZE.box]
    assert evidence_rewards(halves, evidence, SIZE) == pytest.approx([0, 0.08, 0.24, 0.4])


def test_all_boxes_are_known_without_a_pass_and_a_row_without_evidence_is_refused_alone() -> None:
    found, refused = BoxesReader()(PICTURE, [query(Box(3, 3, 9, 9)), query()])
    assert isinstance(found, Rewards)
    assert found.passes == 0
    assert not np.isnan(found.values).any()
    assert isinstance(refused, InputError)
