"""From questions to findings, with a model that reads only what a close-up shows: what the numbers must be."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from semclip.errors import InputError, ServerRefusal
from semclip.evaluation.answers.evaluation import ANSWERS
from semclip.evaluation.answers.findings import Findings
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.report import POOLED
from semclip.geometry import Box
from semclip.logs import BadLine
from semclip.types import Completion, Decoding, Mixture
from tests.evaluation.answers.making import NAMES, Reader, accuracies, by_name, dataset, found, item, spots


def without_times(findings: Findings) -> str:
    told = findings.to_dict()
    for one in told["results"]:
        del one["seconds"]
    return json.dumps(told, sort_keys=True)


def test_crops_that_hold_the_evidence_make_answers_right(tmp_path: Path) -> None:
    reached = accuracies(found(tmp_path))
    assert reached["overview"] == 0 == reached["tiles"]
    assert reached["oracle"] == 1 == reached["color"]
    assert reached["random"] < 1


def test_headroom_is_the_share_of_what_the_oracle_wins(tmp_path: Path) -> None:
    results = by_name(found(tmp_path))
    assert (results["overview"].headroom, results["oracle"].headroom, results["color"].headroom) == (0, 1, 1)
    assert all(one.headroom != one.headroom for one in found(tmp_path, names=["overview", "color"]).results)


def test_each_strategy_is_paired_with_the_first(tmp_path: Path) -> None:
    pairs = {one.strategy: one for one in found(tmp_path).pairs}
    assert set(pairs) == set(NAMES[1:])
    assert {one.other for one in pairs.values()} == {"overview"}
    assert (pairs["color"].wins, pairs["color"].losses, pairs["color"].difference.value) == (6, 0, 1)
    assert pairs["color"].p_value == 2 / 2**6
    assert pairs["tiles"].p_value == 1


def test_a_second_run_asks_nothing_and_finds_the_same(tmp_path: Path) -> None:
    first, again = Reader(), Reader()
    before = found(tmp_path, adapter=first)
    assert json.dumps(found(tmp_path, adapter=again).to_dict()) == json.dumps(before.to_dict())
    assert first.asked
    assert again.asked == []


@pytest.mark.parametrize("patience", [0, 1, 11, 20])
def test_a_killed_run_goes_on_and_asks_nothing_twice(patience: int, tmp_path: Path) -> None:
    whole = Reader()
    expected = found(tmp_path / "whole", adapter=whole, batch_size=2)
    killed, rest = Reader(patience=patience), Reader()
    with pytest.raises(KeyboardInterrupt):
        found(tmp_path / "killed", adapter=killed, batch_size=2)
    path = tmp_path / "killed" / ANSWERS
    there = len(path.read_bytes().splitlines())
    path.write_bytes(path.read_bytes() + b'{"key": "torn')
    resumed = found(tmp_path / "killed", adapter=rest, batch_size=2)
    assert without_times(resumed) == without_times(expected)
    assert len(rest.asked) == len(whole.asked) - there


def test_another_strategy_is_asked_alone(tmp_path: Path) -> None:
    found(tmp_path, names=["overview", "color"])
    more = Reader()
    found(tmp_path, names=["overview", "color", "center"], adapter=more)
    assert len(more.asked) == 6


def test_two_names_of_one_strategy_are_asked_once(tmp_path: Path) -> None:
    once = Reader()
    results = by_name(found(tmp_path, names=["color", "color/1", "color@append"], adapter=once))
    assert len(once.asked) == 6
    assert len({one.accuracy.value for one in results.values()}) == 1


def test_the_order_of_strategies_changes_no_record(tmp_path: Path) -> None:
    orders = list(permutations(["overview", "color", "random"]))[::2]
    reached = [accuracies(found(tmp_path / str(at), names=names)) for at, names in enumerate(orders)]
    assert all(one == reached[0] for one in reached)


def test_neither_batches_nor_sets_beside_it_change_an_answer(tmp_path: Path) -> None:
    together = found(tmp_path / "a", spots(), replace(spots(4), name="more"), batch_size=5)
    alone = found(tmp_path / "b", batch_size=1)
    assert by_name(together, "spots").keys() == by_name(alone).keys()
    assert accuracies(alone) == {name: one.accuracy.value for name, one in by_name(together, "spots").items()}
    pooled = by_name(together, POOLED)
    assert {one.questions for one in pooled.values()} == {10}


def test_options_shuffled_by_a_seed_are_the_same_each_time(tmp_path: Path) -> None:
    def orders(out: str, seed: int) -> list[str]:
        adapter = Reader()
        found(tmp_path / out, spots(choice=True), names=["overview"], adapter=adapter, seed=seed)
        return [mixture.prompts[0].text for mixture in adapter.asked]

    assert orders("a", 0) == orders("b", 0) != orders("c", 1)


def test_where_the_right_option_comes_first_a_model_that_guesses_the_first_looks_good(tmp_path: Path) -> None:
    data = spots(6, choice=True)
    published = accuracies(found(tmp_path, data, options="published"))
    cycled = accuracies(found(tmp_path, data, options="cycled"))
    assert published["overview"] == 1
    assert cycled["overview"] == pytest.approx(1 / 3)
    assert cycled["oracle"] == 1


def test_cycled_options_are_asked_in_each_rotation_and_score_the_mean(tmp_path: Path) -> None:
    adapter = Reader()
    result = by_name(found(tmp_path, spots(1, choice=True), names=["overview"], adapter=adapter, options="cycled"))
    assert len(adapter.asked) == 3
    assert result["overview"].accuracy.value == pytest.approx(1 / 3)
    assert result["overview"].vlm_passes == 1


def test_the_blind_see_nothing_and_tell_what_needs_no_picture(tmp_path: Path) -> None:
    class Guessing(Reader):
        def _completion(self, mixture: Mixture, decoding: Decoding) -> Completion:
            self.asked.append(mixture)
            return Completion("red")

    adapter = Guessing()
    results = by_name(found(tmp_path, names=["overview", "blind"], adapter=adapter))
    assert results["blind"].visual_tokens == 0
    assert results["overview"].blind == 1
    # Two of three pictures are of a colour whose question was asked before: without a picture it is the same one.
    assert sum(not mixture.prompts[0].pictures for mixture in adapter.asked) == 3
    assert accuracies(found(tmp_path / "b", names=["overview", "blind"]))["blind"] == 0


def test_best_tries_until_it_is_right_and_counts_what_that_took(tmp_path: Path) -> None:
    results = by_name(found(tmp_path, names=["overview", "best", "best:1"]))
    assert results["best"].accuracy.value == 1
    assert results["best"].visual_tokens == 200
    assert results["best"].vlm_passes > 2
    assert results["best"].headroom == 1
    assert results["best:1"].vlm_passes == 2


def test_the_number_of_tries_in_a_batch_changes_nothing(tmp_path: Path) -> None:
    one, many = (found(tmp_path / str(size), names=["best"], batch_size=size) for size in (1, 7))
    assert without_times(one) == without_times(many)


def test_what_is_rejected_under_one_strategy_counts_under_none(tmp_path: Path) -> None:
    rows: list[Item | BadLine] = [
        item(0),
        BadLine("b", Path("log"), 2, "no question"),
        item(1, evidence=(Box(0, 0, 999, 9),)),
        item(2, image=b"no picture"),
        item(3, answers=()),
        item(4, question=" "),
        item(5, image=Path("none.png")),
        item(6),
    ]
    findings = found(tmp_path, dataset(rows))
    assert {one.questions for one in findings.results} == {2}
    assert sorted(str(one.id) for one in findings.rejected) == ["1", "2", "3", "4", "5", "b"]


def test_nothing_to_ask_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got none, 1 rejected; the first: 0: .*answer"):
        found(tmp_path, dataset([item(0, answers=())]))


@pytest.mark.parametrize(("status", "ends"), [(413, False), (500, True)])
def test_only_a_refusal_of_one_question_is_a_rejection(status: int, ends: bool, tmp_path: Path) -> None:
    class Picky(Reader):
        def _completion(self, mixture: Mixture, decoding: Decoding) -> Completion:
            self.asked.append(mixture)
            if "green" in mixture.prompts[0].text:
                raise ServerRefusal("no", status=status)
            return Completion("red")

    if ends:
        with pytest.raises(ServerRefusal):
            found(tmp_path, adapter=Picky())
    else:
        assert len(found(tmp_path, adapter=Picky()).rejected) == 2


def test_groups_count_once(tmp_path: Path) -> None:
    rows = [
        item(number, group=str(number // 2), evidence=() if number == 0 else None or item(number).evidence)
        for number in range(4)
    ]
    data = dataset(rows, rule="all")
    result = by_name(found(tmp_path / "all", data, names=["overview", "oracle"]))["oracle"]
    assert (result.questions, result.accuracy.value) == (2, 0.5)
    result = by_name(found(tmp_path / "mean", replace(data, group_rule="mean"), names=["overview", "oracle"]))["oracle"]
    assert result.accuracy.value == 0.75


def test_questions_on_one_picture_share_its_encoding(tmp_path: Path) -> None:
    first = item(0)
    rows: list[Item | BadLine] = [replace(first, id=str(number)) for number in range(3)]
    asked = Reader()
    found(tmp_path, dataset(rows), adapter=asked)
    assert len(asked.asked) == len(NAMES)


def test_limit_and_split_take_some(tmp_path: Path) -> None:
    rows = [item(number, split="dev" if number % 2 else "train", category="c") for number in range(6)]
    findings = found(tmp_path, dataset(rows), split="dev", limit=2)
    assert {one.questions for one in findings.results} == {2}
    assert {category for one in findings.results for category in one.categories} == {"c"}


def test_findings_say_what_made_them(tmp_path: Path) -> None:
    one, other = found(tmp_path), found(tmp_path, seed=1)
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == found(tmp_path).fingerprint
    assert one.protocol["model"] == {"name": "scripted"}
    assert one.protocol["strategies"]["color"]["psi_fingerprint"] == "c0105"
    assert json.loads(json.dumps(one.to_dict()))["protocol"]["sets"][0]["digest"] == "d1"


def test_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    findings = found(tmp_path, spots(), spots(), names=["overview"])
    assert [one.set for one in findings.results] == ["spots 1", "spots 2", POOLED]
