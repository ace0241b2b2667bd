"""From records to rates and paired differences, on records made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from semclip.evaluation.answers.findings import Record
from semclip.evaluation.answers.summary import Row, Table, summarise, units
from semclip.geometry import Box

NAMES = ("overview", "embedded", "oracle", "blind")


def row(number: int, scores: Sequence[float], *, tokens: int | None = 100, **changes: Any) -> Row:
    made = {"set": "s", "item": str(number), "image": f"i{number}", "text": "", **changes}
    return tuple(
        Record(strategy=name, score=score, visual_tokens=tokens, seconds=float(at), vlm_passes=at, **made)
        for at, (name, score) in enumerate(zip(NAMES, scores, strict=True))
    )


def table(rows: Sequence[Row], rule: Any = "mean", names: tuple[str, ...] = NAMES) -> Table:
    return Table("s", names, rows, units(rows, rule), seed=0, resamples=200)


ROWS = [
    row(0, (0, 1, 1, 0), category="a"),
    row(1, (0, 0, 1, 0), category="a"),
    row(2, (1, 1, 1, 1), category="b"),
    row(3, (1, 1, 1, 0)),
]


def test_rates_costs_and_shares() -> None:
    overview, embedded, oracle, blind = summarise(table(ROWS))[0]
    assert [one.accuracy.value for one in (overview, embedded, oracle, blind)] == [0.5, 0.75, 1, 0.25]
    assert [one.headroom for one in (overview, embedded, oracle)] == [0, 0.5, 1]
    assert [one.blind for one in (overview, embedded, oracle, blind)] == pytest.approx([1 / 2, 1 / 3, 1 / 4, 1])
    assert (embedded.questions, embedded.images) == (4, 4)
    assert (embedded.visual_tokens, embedded.seconds, embedded.vlm_passes) == (100, 1, 1)
    assert {name: one.value for name, one in embedded.categories.items()} == {"a": 0.5, "b": 1}
    assert all(one.accuracy.low <= one.accuracy.value <= one.accuracy.high for one in (overview, embedded))


def test_pairs_are_against_the_first() -> None:
    pairs = summarise(table(ROWS))[1]
    assert [(one.strategy, one.other, one.wins, one.losses) for one in pairs] == [
        ("embedded", "overview", 1, 0),
        ("oracle", "overview", 2, 0),
        ("blind", "overview", 0, 1),
    ]
    assert [one.difference.value for one in pairs] == [0.25, 0.5, -0.25]
    assert [one.p_value for one in pairs] == [1, 0.5, 1]


def test_where_nobody_knows_the_answer_or_all_are_alike_there_is_no_headroom() -> None:
    assert math.isnan(summarise(table(ROWS, names=("overview", "embedded", "center", "tiles")))[0][1].headroom)
    assert math.isnan(summarise(table([ROWS[2]]))[0][1].headroom)
    assert math.isnan(summarise(table([row(0, (0, 0, 0, 0))]))[0][0].blind)


def test_tokens_that_are_unknown_once_are_unknown() -> None:
    assert summarise(table([*ROWS, row(4, (0, 0, 0, 0), tokens=None)]))[0][0].visual_tokens is None


@pytest.mark.parametrize(("rule", "scores"), [("mean", [0.5, 1, 1, 0.5]), ("all", [0, 1, 1, 0])])
def test_a_group_counts_once(rule: str, scores: list[float]) -> None:
    rows = [row(0, (0, 1, 1, 0), group="g"), row(1, (1, 1, 1, 1), group="g"), row(2, (1, 0, 1, 0))]
    made = units(rows, rule)  # type: ignore[arg-type]
    assert [one.scores for one in made] == [tuple(scores), (1, 0, 1, 0)]
    result = summarise(table(rows, rule))[0][0]
    assert (result.questions, result.images) == (2, 3)


def test_what_crops_of_something_else_bring_is_told_apart() -> None:
    def shown(number: int, scores: Sequence[float], hit: bool | None, boxes: int = 1) -> Row:
        first, second, *others = row(number, scores)
        second = replace(second, hit=hit, boxes=(Box(0, 0, 1, 1),) * boxes)
        return replace(first, hit=None if hit is None else False), second, *others

    rows = [shown(0, (0, 1, 1, 0), True), shown(1, (0, 1, 1, 0), False), shown(2, (1, 0, 1, 0), False)]
    rows += [shown(3, (0, 1, 1, 0), False), shown(4, (0, 1, 1, 0), None), shown(5, (0, 1, 1, 0), False, boxes=0)]
    overview, embedded, *_ = summarise(table(rows))[0]
    assert embedded.hit == 1 / 5
    assert embedded.missed is not None
    assert embedded.missed.value == pytest.approx(1 / 3)
    assert embedded.missed.low < 0 < embedded.missed.high
    assert math.isnan(overview.hit)
    assert overview.missed is None
    assert summarise(table([shown(0, (0, 1, 1, 0), True)]))[0][1].missed is None


def test_the_image_is_the_unit_of_interval_and_p() -> None:
    one_image = [row(number, (0, 1, 1, 0), image="same") for number in range(8)]
    assert summarise(table(one_image))[1][0].p_value == 1
    apart = [row(number, (0, 1, 1, 0)) for number in range(8)]
    assert summarise(table(apart))[1][0].p_value == 2 / 2**8


def test_intervals_are_paired_and_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    rows = [row(n, (float(s), float(s), 1, 0)) for n, s in enumerate(rng.integers(0, 2, 50))]
    first, again = summarise(table(rows)), summarise(table(rows))
    assert str(first) == str(again)
    assert (first[1][0].difference.low, first[1][0].difference.high) == (0, 0)
    assert first[0][0].accuracy.low < first[0][0].accuracy.high
