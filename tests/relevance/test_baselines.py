"""Baselines: what each chooses, deterministically."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semclip.geometry import Box, Size
from semclip.proposals import pyramid
from semclip.protocols import Relevance
from semclip.relevance.baselines import Center, Oracle, Random, Tiles, center_box, tile_boxes
from semclip.selection import top_k
from semclip.types import Floats, Scored
from tests import strategies
from tests.fakes import ArrayPicture

SIZE = Size(80, 40)
PICTURE = ArrayPicture(np.zeros((40, 80, 3), np.uint8))
OTHER = ArrayPicture(np.ones((40, 80, 3), np.uint8))


def scores(psi: Relevance, boxes: list[Box], *, picture: ArrayPicture = PICTURE, question: str = "what?") -> Floats:
    return psi.score(question, psi.embed(picture, boxes))


def chosen(psi: Relevance, k: int) -> list[Box]:
    boxes = pyramid(SIZE)
    scored = [Scored(box, float(score)) for box, score in zip(boxes, scores(psi, list(boxes)), strict=True)]
    return [one.box for one in top_k(scored, k)]


def test_center_chooses_the_middle_quarter_and_nothing_else() -> None:
    assert chosen(Center(), 4) == [center_box(SIZE)] == [Box(20, 10, 60, 30)]


def test_tiles_come_in_reading_order_and_nothing_else_comes() -> None:
    assert chosen(Tiles(), 6) == list(tile_boxes(SIZE))


def test_tiles_of_fewer_candidates_than_tiles_are_all_of_them() -> None:
    assert list(scores(Tiles(), [Box(0, 0, 80, 40)])) == [0.0]
    assert list(scores(Tiles(), [])) == []


def test_random_depends_on_seed_pixels_and_question_only() -> None:
    boxes = list(pyramid(SIZE))
    first = scores(Random(), boxes)
    assert np.array_equal(first, scores(Random(), boxes, picture=ArrayPicture(PICTURE.pixels.copy())))
    assert not np.array_equal(first, scores(Random(1), boxes))
    assert not np.array_equal(first, scores(Random(), boxes, picture=OTHER))
    assert not np.array_equal(first, scores(Random(), boxes, question="where?"))


def test_random_answers_a_question_that_is_no_text() -> None:
    assert len(scores(Random(), [Box(0, 0, 1, 1)], question="\udcff?")) == 1


def test_random_is_about_uniform() -> None:
    values = scores(Random(), [Box(i, 0, i + 1, 1) for i in range(80)])
    assert 0 <= values.min() < 0.1 < 0.4 < values.mean() < 0.6 < 0.9 < values.max() < 1


@given(st.lists(strategies.boxes(SIZE)))
def test_reversing_candidates_reverses_scores(boxes: list[Box]) -> None:
    assert np.array_equal(scores(Random(), boxes[::-1]), scores(Random(), boxes)[::-1])


def test_the_oracle_grades_at_the_exact_limits() -> None:
    size, evidence = Size(80, 40), Box(0, 0, 10, 10)
    psi = Oracle((evidence,), size)
    quarter, sixteenth = Box(0, 0, 40, 20), Box(0, 0, 20, 10)
    over_a_quarter, nine_tenths, less = Box(0, 0, 41, 20), Box(0, 1, 10, 10), Box(0, 1, 10, 9)
    boxes = [quarter, sixteenth, over_a_quarter, nine_tenths, less]
    assert list(scores(psi, boxes)) == [1, 2, 0, 2, 0]


def test_the_oracle_without_evidence_finds_nothing() -> None:
    assert list(scores(Oracle((), SIZE), [Box(0, 0, 1, 1)])) == [0]


def test_fingerprints_are_hex_and_tell_apart() -> None:
    every: list[Relevance] = [
        Random(),
        Random(1),
        Center(),
        Tiles(),
        Oracle((), SIZE),
        Oracle((Box(0, 0, 1, 1),), SIZE),
    ]
    assert len({psi.fingerprint for psi in every}) == len(every)
    assert all(re.fullmatch("[0-9a-f]{64}", psi.fingerprint) for psi in every)
