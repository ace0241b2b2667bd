"""Choosing: order, overlap, budget; and what a selection exports."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.selection import Choice, Selection, choose, llava_tokens, overlap, top_k, within_budget
from semclip.types import Maker, Scored
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
    with pytest.raises(InputError, match="at least 1, got 0"):
        Choice(k=0)
    with pytest.raises(InputError, match=r"between 0 and 1, got 1\.1"):
        Choice(max_overlap=1.1)


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="threshold needs to be a number"):
        Choice(threshold=math.nan)


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
        "max_visual_tokens": None,
    }


def test_the_prompt_names_both_places() -> None:
    assert selection().prompt().text.splitlines() == [
        "Picture 1 is the whole image.",
        "Picture 2 is a close-up of its middle left.",
        "Picture 3 is a close-up of its middle right.",
        "Is it réd?",
    ]
    assert len(selection().to_openai_messages()[0]["content"]) == 7
    assert len(selection().to_chat_messages()[0]["content"]) == 7


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
