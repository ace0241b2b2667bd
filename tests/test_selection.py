"""Choosing: order, overlap, budget; and what a selection exports."""

from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.prompts import Wording
from semclip.selection import (
    Choice,
    Gate,
    Selection,
    choose,
    llava_tokens,
    most_worth,
    overlap,
    peak,
    top_k,
    within_budget,
)
from semclip.types import Floats, Maker, Scored
from tests import strategies
from tests.fakes import ArrayPicture, spotted

LEFT, RIGHT, NESTED = Box(0, 0, 40, 40), Box(60, 0, 100, 40), Box(10, 10, 20, 20)
SIZE = Size(100, 50)
MAKER = Maker("color", "c0105", "pyramid", 2, max_overlap=0.3)


def selection() -> Selection:
    picture = ArrayPicture(spotted(SIZE, {LEFT: (255, 0, 0)}))
    chosen = (Scored(LEFT, 2.0), Scored(RIGHT, 1.0))
    considered = (*chosen, Scored(NESTED, -math.inf))
    return Selection("photo.jpg", "Is it réd?", picture, chosen, considered, MAKER)


def test_two_distant_targets_come_out_as_two_crops() -> None:
    scored = [Scored(LEFT, 3), Scored(NESTED, 2.9), Scored(RIGHT, 1)]
    assert [one.box for one in top_k(scored, 2)] == [LEFT, RIGHT]


def test_ties_keep_the_order_of_proposal() -> None:
    assert [one.box for one in top_k([Scored(RIGHT, 1), Scored(LEFT, 1)], 2)] == [RIGHT, LEFT]


def test_minus_infinity_is_never_chosen() -> None:
    assert top_k([Scored(LEFT, -math.inf), Scored(RIGHT, -1e300)], 2) == (Scored(RIGHT, -1e300),)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_unusable_scores_are_the_models_fault(score: float) -> None:
    with pytest.raises(ModelError, match=str(score)):
        top_k([Scored(LEFT, 0), Scored(RIGHT, score)], 1)


def test_the_threshold_itself_is_good_enough() -> None:
    assert top_k([Scored(LEFT, 1), Scored(RIGHT, 0.9)], 2, threshold=1) == (Scored(LEFT, 1),)


@given(st.lists(strategies.scored, max_size=30), st.integers(1, 5), st.floats(0, 1))
def test_what_is_chosen_is_sorted_small_and_apart(scored: list[Scored], k: int, limit: float) -> None:
    chosen = top_k(scored, k, max_overlap=limit)
    assert len(chosen) <= k
    assert set(chosen) <= set(scored)
    assert list(chosen) == sorted(chosen, key=lambda one: -one.score)
    assert all(overlap(a.box, b.box) <= limit for i, a in enumerate(chosen) for b in chosen[:i])


@given(st.lists(strategies.scored, max_size=30), st.integers(1, 4))
def test_a_smaller_k_is_a_beginning_of_a_larger(scored: list[Scored], k: int) -> None:
    assert top_k(scored, k + 1)[:k] == top_k(scored, k)


@given(st.permutations([Scored(Box(i, 0, i + 9, 9), float(i)) for i in range(8)]))
def test_the_order_of_candidates_does_not_matter_without_ties(scored: list[Scored]) -> None:
    assert [one.score for one in top_k(scored, 3, max_overlap=0.5)] == [7.0, 2.0]


APART = [Box(10 * i, 0, 10 * i + 10, 10) for i in range(6)]
worths = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(6)), elements=st.integers(0, 9).map(float))


def summed(worth: Floats) -> list[Scored]:
    return [Scored(box, total) for box, total in zip(APART, worth.sum(0).tolist(), strict=True)]


def together(worth: Floats, boxes: list[Box]) -> float:
    return float(worth[:, [APART.index(box) for box in boxes]].max(1).sum())


def test_what_two_boxes_hold_counts_once() -> None:
    worth = np.array([[3.0, 3.0, 0.0], [2.0, 1.5, 0.0], [0.0, 0.0, 1.0]])
    scored = [Scored(LEFT, 5.0), Scored(NESTED, 4.5), Scored(RIGHT, 1.0)]
    assert [one.box for one in most_worth(scored, worth, Choice(2))] == [LEFT, RIGHT]


def test_a_box_around_another_is_chosen_for_what_it_adds() -> None:
    worth = np.array([[4.0, 2.0, 0.0], [0.0, 1.5, 0.0], [0.0, 0.0, 1.0]])
    scored = [Scored(NESTED, 4.0), Scored(LEFT, 3.5), Scored(RIGHT, 1.0)]
    assert [one.box for one in choose(scored, Choice(), size=SIZE, worth=worth)] == [NESTED, LEFT]
    apart = choose(scored, Choice(max_overlap=0.3), size=SIZE, worth=worth)
    assert [one.box for one in apart] == [NESTED, RIGHT]


@given(worths, st.integers(1, 4))
def test_choosing_by_worth_starts_with_the_best_and_goes_on_alike(worth: Floats, k: int) -> None:
    scored = summed(worth)
    chosen = most_worth(scored, worth, Choice(k))
    assert len(set(chosen)) == k
    assert chosen[0] == top_k(scored, 1)[0]
    assert most_worth(scored, worth, Choice(k + 1))[:k] == chosen


@given(worths, st.integers(1, 3))
def test_no_choice_is_worth_much_more(worth: Floats, k: int) -> None:
    chosen = [one.box for one in most_worth(summed(worth), worth, Choice(k))]
    best = max(together(worth, list(boxes)) for boxes in combinations(APART, k))
    assert together(worth, chosen) >= (1 - 1 / math.e) * best - 1e-9


@given(worths, st.floats(0, 40))
def test_worth_heeds_thresholds_and_boxes_that_must_not_be_chosen(worth: Floats, threshold: float) -> None:
    scored = [Scored(one.box, -math.inf if one.box == APART[2] else one.score) for one in summed(worth)]
    chosen = most_worth(scored, worth, Choice(6, threshold=threshold))
    assert set(chosen) == {one for one in scored if one.score >= threshold and one.box != APART[2]}


def test_no_further_box_that_adds_too_little_is_chosen() -> None:
    worth = np.array([[4.0, 2.0, 0.0], [0.0, 1.5, 0.0], [0.0, 0.0, 1.0]])
    scored = [Scored(NESTED, 4.0), Scored(LEFT, 3.5), Scored(RIGHT, 1.0)]

    def chosen(min_gain: float) -> list[Box]:
        return [one.box for one in choose(scored, Choice(3, min_gain=min_gain), size=SIZE, worth=worth)]

    assert chosen(0.25) == [NESTED, LEFT, RIGHT]
    assert chosen(0.3) == [NESTED, LEFT]
    assert chosen(0.4) == [NESTED]


@given(worths, st.integers(1, 6), st.floats(0, 1))
def test_a_least_gain_ends_the_same_choice_sooner(worth: Floats, k: int, min_gain: float) -> None:
    chosen = most_worth(summed(worth), worth, Choice(k, min_gain=min_gain))
    assert 1 <= len(chosen)
    assert chosen == most_worth(summed(worth), worth, Choice(k))[: len(chosen)]


def test_a_least_gain_without_worth_is_refused() -> None:
    with pytest.raises(InputError, match="min_gain needs a psi that says what each box adds"):
        choose([Scored(LEFT, 2), Scored(RIGHT, 1)], Choice(min_gain=0.1), size=SIZE)
    assert choose([], Choice(min_gain=0.1), size=SIZE) == ()


@pytest.mark.parametrize("min_gain", [-0.1, 1.1, math.nan])
def test_a_least_gain_that_is_no_share_is_refused(min_gain: float) -> None:
    with pytest.raises(InputError, match="min_gain needs to be between 0 and 1"):
        Choice(min_gain=min_gain)


def test_unusable_scores_beside_worth_are_the_models_fault() -> None:
    with pytest.raises(ModelError, match="nan"):
        most_worth([Scored(LEFT, math.nan)], np.ones((1, 1)), Choice(1))


@pytest.mark.parametrize(("budget", "boxes"), [(576, []), (1151, []), (1152, [LEFT]), (9999, [LEFT, RIGHT])])
def test_the_budget_keeps_the_longest_beginning_that_fits(budget: int, boxes: list[Box]) -> None:
    scored = [Scored(LEFT, 2), Scored(RIGHT, 1)]
    fitting = within_budget(scored, llava_tokens, size=SIZE, max_visual_tokens=budget)
    assert [one.box for one in fitting] == boxes


def test_a_budget_below_the_overview_is_refused() -> None:
    with pytest.raises(InputError, match="576 tokens, got 575"):
        within_budget([Scored(LEFT, 2)], llava_tokens, size=SIZE, max_visual_tokens=575)


def test_a_choice_holds_k_and_budget() -> None:
    scored = [Scored(LEFT, 2), Scored(RIGHT, 1)]
    assert len(choose(scored, Choice(k=1), size=SIZE)) == 1
    assert len(choose(scored, Choice(k=2, max_visual_tokens=1200), size=SIZE)) == 1


def test_an_impossible_choice_is_refused() -> None:
    with pytest.raises(InputError, match="at least 0, got -1"):
        Choice(k=-1)
    with pytest.raises(InputError, match=r"between 0 and 1, got 1\.1"):
        Choice(max_overlap=1.1)


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="threshold needs to be a number"):
        Choice(threshold=math.nan)


GATE = {
    "version": 1,
    "statistic": "peak",
    "threshold": 0.5,
    "psi": {"name": "color", "fingerprint": "c0105"},
    "proposer": "pyramid",
}
finite = st.floats(-1e300, 1e300)


def of(scores: list[float]) -> list[Scored]:
    return [Scored(LEFT, score) for score in scores]


@given(st.lists(st.integers(-1000, 1000), max_size=20), st.sampled_from([0.25, 2, 1024]), st.integers(-1000, 1000))
def test_a_peak_knows_neither_scale_nor_origin_nor_order(scores: list[int], scale: float, origin: int) -> None:
    moved = peak(of([scale * score + origin for score in reversed(scores)]))
    assert moved == pytest.approx(peak(of([float(score) for score in scores])))


@given(st.lists(st.one_of(finite, st.just(-math.inf), st.sampled_from([1.7e308, -1.7e308])), max_size=20))
def test_a_peak_lies_between_0_and_1_and_ignores_what_is_never_chosen(scores: list[float]) -> None:
    assert 0 <= peak(of(scores)) < 1
    assert peak(of(scores)) == peak(of([score for score in scores if score > -math.inf]))


@given(st.lists(finite, min_size=2, max_size=20), st.floats(0, 1))
def test_a_gate_opens_from_its_threshold_on(scores: list[float], threshold: float) -> None:
    assert Gate(threshold, "p", "q").opens(of(scores)) == (peak(of(scores)) >= threshold)
    assert Gate(0, "p", "q").opens(of(scores))
    assert not Gate(1, "p", "q").opens(of(scores))


def test_a_closed_gate_chooses_nothing_but_unusable_scores_are_still_an_error() -> None:
    choice = Choice(gate=Gate(1, "p", "q"))
    assert choose([Scored(LEFT, 2), Scored(RIGHT, 1)], choice, size=SIZE) == ()
    with pytest.raises(ModelError):
        choose([Scored(LEFT, math.nan)], choice, size=SIZE)


def test_a_gate_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_text(json.dumps(GATE | {"figures": {}}))
    assert Gate.read(tmp_path / "gate.json") == Gate(0.5, "c0105", "pyramid")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        json.dumps(GATE | {"version": 2}),
        json.dumps(GATE | {"statistic": "skew"}),
        json.dumps(GATE | {"threshold": 1.5}),
        json.dumps(GATE | {"threshold": "0.5"}),
        json.dumps(GATE | {"threshold": True}),
        json.dumps(GATE | {"threshold": math.nan}),
        json.dumps(GATE | {"psi": "c0105"}),
        json.dumps(GATE | {"psi": {"fingerprint": 7}}),
        json.dumps({key: value for key, value in GATE.items() if key != "proposer"}),
    ],
    ids=lambda content: content[:60],
)
def test_what_is_no_gate_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_text(content)
    with pytest.raises(InputError, match=r"semclip calibrate wrote, got .*gate\.json"):
        Gate.read(tmp_path / "gate.json")


def test_a_file_of_no_text_and_no_file_are_no_gate(tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_bytes(b"\xff\xfe\x00")
    for name in ("gate.json", "none.json"):
        with pytest.raises(InputError, match="semclip calibrate wrote"):
            Gate.read(tmp_path / name)


def test_crops_are_the_original_pixels() -> None:
    red, grey = selection().crops
    assert red.size == (40, 40)
    assert red.getpixel((0, 0)) == (255, 0, 0)
    assert grey.getpixel((0, 0)) == (128, 128, 128)


def test_the_overview_is_shrunk_never_enlarged() -> None:
    assert selection().overview.size == (100, 50)
    wide = ArrayPicture(np.zeros((100, 4000, 3), np.uint8))
    assert Selection("a", "b", wide, (), (), MAKER).overview.size == (1024, 26)


def test_the_dictionary_is_the_documented_object() -> None:
    shown = selection().to_dict()
    made_by = shown.pop("made_by")
    assert shown == {
        "image": "photo.jpg",
        "question": "Is it réd?",
        "psi": {"name": "color", "fingerprint": "c0105"},
        "size": {"width": 100, "height": 50},
        "considered": 3,
        "chosen": [{"box": [0, 0, 40, 40], "score": 2.0}, {"box": [60, 0, 100, 40], "score": 1.0}],
    }
    assert made_by == {
        "proposer": "pyramid",
        "k": 2,
        "max_overlap": 0.3,
        "threshold": None,
        "min_gain": 0.0,
        "max_visual_tokens": None,
        "vlm_passes": 0,
        "gate": None,
    }


def test_the_prompt_names_both_places() -> None:
    assert selection().prompt().text.splitlines() == [
        "Picture 1 is the whole image.",
        "Picture 2 is a close-up of its left part from top to bottom.",
        "Picture 3 is a close-up of its right part from top to bottom.",
        "Is it réd?",
    ]
    brief = Wording(overview="", crop="{place}!")
    assert selection().prompt(wording=brief).text.startswith("left part from top to bottom!\n")
    assert len(selection().to_openai_messages()[0]["content"]) == 7
    assert len(selection().to_chat_messages()[0]["content"]) == 7
    assert len(selection().to_qwen_messages()[0]["content"]) == 7


def test_saving_writes_what_is_needed_to_look_at_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    selection().save(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "crop-1.png",
        "crop-2.png",
        "overview.jpg",
        "selection.json",
    ]
    assert json.loads((folder / "selection.json").read_text()) == selection().to_dict()
    with Image.open(folder / "crop-1.png") as crop:
        assert crop.getpixel((39, 39)) == (255, 0, 0)
