from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from semclip.evaluation.measurement import EvalConfig, Measured, Outcome
from semclip.evaluation.summary import summarise

CONFIG = EvalConfig(ks=(1, 2), resamples=200)
NEVER = math.inf


def outcome(hit: float, tight: float = NEVER, *, rank: float = 1, embed_s: float = 0.0) -> Outcome:
    return Outcome(hit, tight, rank, visual_tokens=(2, 3), embed_s=embed_s, score_s=0.5)


def question(image: str, *outcomes: Outcome, random: tuple[float, float] = (0.1, 0.2), oracle: bool = True) -> Measured:
    return Measured(Path(image), random, oracle, outcomes)


QUESTIONS = [
    question("a", outcome(1, 2, rank=1, embed_s=3.0), outcome(NEVER, rank=9)),
    question("a", outcome(2, NEVER, rank=4), outcome(2, 2, rank=8)),
    question("b", outcome(NEVER, NEVER, rank=NEVER, embed_s=1.0), outcome(NEVER, rank=NEVER), oracle=False),
    question("b", outcome(1, 1, rank=2), outcome(NEVER, rank=NEVER)),
]


def test_rates_are_shares_of_questions() -> None:
    [first, second], _ = summarise("set", QUESTIONS, ["first", "second"], CONFIG)
    assert (first.set, first.psi, first.questions, first.images) == ("set", "first", 4, 2)
    assert {k: estimate.value for k, estimate in first.hit.items()} == {1: 0.5, 2: 0.75}
    assert {k: estimate.value for k, estimate in first.tight.items()} == {1: 0.25, 2: 0.5}
    assert {k: estimate.value for k, estimate in second.hit.items()} == {1: 0.0, 2: 0.25}


def test_intervals_hold_their_rates() -> None:
    results, _ = summarise("set", QUESTIONS, ["first", "second"], CONFIG)
    for result in results:
        for estimate in [*result.hit.values(), *result.tight.values()]:
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_the_other_figures_are_those_of_their_psi() -> None:
    [first, second], _ = summarise("set", QUESTIONS, ["first", "second"], CONFIG)
    assert (first.median_rank, second.median_rank) == (3, math.inf)
    assert first.headroom == pytest.approx({1: (0.5 - 0.1) / (0.75 - 0.1), 2: 1})
    assert first.visual_tokens == {1: 2, 2: 3}
    assert (first.embed_s, first.score_s) == (2.0, 0.5)


def test_the_first_is_compared_with_each_other_at_each_k() -> None:
    _, comparisons = summarise("set", QUESTIONS, ["first", "second"], CONFIG)
    assert [(one.psi, one.other, one.k) for one in comparisons] == [("first", "second", 1), ("first", "second", 2)]
    at_one = comparisons[0]
    assert (at_one.difference.value, at_one.wins, at_one.losses) == (0.5, 2, 0)
    assert at_one.difference.low == at_one.difference.high == 0.5  # each image has one win in two questions
    assert at_one.p_value == 0.5  # two images, both for the first: 2 of 4 sign patterns are as extreme


def test_one_psi_is_compared_with_nothing() -> None:
    alone = [question("a", outcome(1))]
    assert summarise("set", alone, ["first"], CONFIG)[1] == []


def test_there_is_no_headroom_where_chance_reaches_all() -> None:
    sure = [question("a", outcome(1), random=(1.0, 1.0))]
    [result], _ = summarise("set", sure, ["first"], CONFIG)
    assert all(math.isnan(share) for share in result.headroom.values())


def test_the_seed_decides_the_intervals() -> None:
    rows = [question(str(image), outcome(1 + image % 3)) for image in range(97)]
    seeded = [summarise("set", rows, ["first"], replace(CONFIG, seed=seed)) for seed in (0, 0, 1)]
    assert seeded[0] == seeded[1] != seeded[2]
