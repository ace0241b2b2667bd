from __future__ import annotations

from dataclasses import replace

import pytest

from semclip.evaluation.answers.names import classes, crops, family
from semclip.evaluation.answers.outcome import against_first, headline, leading, overall
from semclip.evaluation.report import POOLED
from tests.evaluation.answers.sample_findings import EMPTY, FINDINGS, pair, rows

ONE_SET = replace(FINDINGS, results=rows("receipts"), pairs=(pair("embedded/2", 0.29, name="receipts"),))


def test_the_sentence_says_what_was_won_and_what_it_cost() -> None:
    assert headline(FINDINGS) == (
        "embedded at k = 2: 71 % right, overview alone 42 %: +29 points (95 % 25 to 33, p < .001) "
        "at 60 % of the tiles' visual tokens"
    )
    assert headline(ONE_SET) == headline(FINDINGS)


def test_a_loss_is_called_one() -> None:
    lost = replace(pair("embedded/2", -0.03), p_value=0.25)
    said = headline(replace(FINDINGS, pairs=(lost,))).replace("\u2212", "-")
    assert "-3 points (95 % -7 to 1, p = .250)" in said


def test_without_tiles_the_tokens_are_counted() -> None:
    alone = replace(FINDINGS, results=tuple(one for one in FINDINGS.results if one.strategy != "tiles"))
    assert headline(alone).endswith("p < .001) with 1,728 visual tokens")
    uncounted = replace(FINDINGS, results=tuple(replace(one, visual_tokens=None) for one in FINDINGS.results))
    assert headline(uncounted).endswith("p < .001)")


def test_the_number_of_crops_comes_from_the_protocol_where_the_name_has_none() -> None:
    renamed = tuple(replace(one, strategy=one.strategy.replace("embedded/2", "embedded")) for one in FINDINGS.results)
    plain = replace(FINDINGS, strategies=("overview", "embedded"), results=renamed, pairs=(pair("embedded", 0.29),))
    assert headline(replace(plain, flips=())).startswith("embedded at k = 2: 71 % right")


def test_one_strategy_is_set_against_nothing() -> None:
    assert headline(replace(FINDINGS, strategies=("overview",), pairs=(), flips=())) == "overview alone: 42 % right"
    assert headline(EMPTY) == "No question was answered."


def test_the_page_is_about_the_strategy_of_the_flips_else_the_first_psi_else_the_second() -> None:
    assert leading(FINDINGS) == "embedded/2"
    assert leading(replace(FINDINGS, flips=())) == "embedded/1"
    assert leading(replace(FINDINGS, flips=(), strategies=("overview", "tiles", "center"))) == "tiles"
    assert leading(EMPTY) is None


def test_the_pooled_rows_stand_for_all_sets_and_the_only_set_for_itself() -> None:
    assert {one.set for one in overall(FINDINGS)} == {POOLED}
    assert {one.set for one in overall(ONE_SET)} == {"receipts"}
    assert overall(EMPTY) == ()


def test_pairs_without_the_first_strategy_are_left_out() -> None:
    assert against_first(replace(FINDINGS, pairs=(replace(pair("tiles", 0.1), other="center"),))) == {}


@pytest.mark.parametrize("name", ["", "tiles/0", "overview@append", "/", "<b>"])
def test_what_can_be_no_strategy_any_more_still_has_a_look(name: str) -> None:
    assert (family(name), crops(name), classes([name])) == (name, None, {name: "psi colour0"})
