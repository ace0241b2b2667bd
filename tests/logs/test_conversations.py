"""LLaVA's conversations and Visual-CoT's boxes as rows of ours."""

from __future__ import annotations

from typing import Any

import pytest

from semclip.errors import LogError
from semclip.logs.conversations import from_llava, from_visual_cot, is_llava, is_visual_cot
from tests.logs.samples import ASK, boxed, flat, talk


def told(rows: Any) -> list[tuple[Any, ...]]:
    return [(row["id"], row["image"], row["question"], row["answers"]) for row in rows]


def test_each_human_turn_is_a_question_with_the_next_turn_as_its_answer() -> None:
    row = {"image": "a.jpg", "conversations": talk("<image>\nWhat is it?", "A bus.", "Which\ncolour?\n<image>", "Red.")}
    assert told(from_llava(row, "x")) == [
        ("x", "a.jpg", "What is it?", ["A bus."]),
        ("x-2", "a.jpg", "Which\ncolour?", ["Red."]),
    ]


def test_a_question_without_an_answer_stays_one() -> None:
    row = {"image": ["a.jpg"], "conversations": talk("What?", "This.", "And?")}
    assert told(from_llava(row, 7)) == [(7, "a.jpg", "What?", ["This."]), ("7-2", "a.jpg", "And?", [])]


def test_what_comes_before_the_first_human_turn_is_left_out() -> None:
    row = {"image": "a.jpg", "conversations": [{"from": "system", "value": "Be brief."}, *talk("What?", "This.")]}
    assert told(from_llava(row, "x")) == [("x", "a.jpg", "What?", ["This."])]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"conversations": talk("a", "b")}, "'image' is missing"),
        ({"image": ["a.jpg", "b.jpg"], "conversations": talk("a", "b")}, "needs one image, got 2"),
        ({"image": [], "conversations": talk("a", "b")}, "needs one image, got 0"),
        ({"image": 7, "conversations": talk("a", "b")}, "'image' needs a path, got 7"),
        ({"image": "a.jpg", "conversations": []}, "needs a turn from 'human', got none"),
        ({"image": "a.jpg", "conversations": talk("a", first="gpt")}, "needs a turn from 'human', got none"),
        ({"image": "a.jpg", "conversations": "a"}, "'conversations' needs a list"),
        ({"image": "a.jpg", "conversations": [*talk("a"), "b"]}, "needs turns with 'from' and 'value', got \"b\""),
        ({"image": "a.jpg", "conversations": [{"from": "human"}]}, "needs turns with 'from' and 'value'"),
    ],
)
def test_what_is_no_conversation_about_one_image_is_our_error(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(LogError, match=reason.replace("[", r"\[")):
        list(from_llava(row, "x"))


def test_a_conversation_about_a_box_is_one_question_with_the_box_in_pixels() -> None:
    [row] = from_visual_cot(boxed(), "x")
    assert told([row]) == [("x", "cot/a.jpg", "What is the company?", ["GIN"])]
    assert (row["evidence"], row["split"]) == ([[86, 208, 840, 257]], "val")


def test_thinking_step_by_step_is_no_part_of_the_question() -> None:
    asked = f"<image>\nWhat is it? {ASK.replace('provide', 'think step by step and provide')}"
    [row] = from_visual_cot(boxed(conversations=talk(asked, "[0, 0, 1, 1]", "<image>\n", "GIN")), "x")
    assert row["question"] == "What is it?"


def test_a_row_of_metadata_has_boxes_and_every_possible_answer() -> None:
    [row] = from_visual_cot(flat(), "x")
    assert told([row]) == [("x", "a.jpg", "What is the company?", ["GIN", "GIN KEE"])]
    assert (row["evidence"], row["width"]) == ([[86, 208, 840, 257]], 900)


@pytest.mark.parametrize("name", ["bboxs", "bboxes", "boxes", "bbox"])
def test_a_box_may_stand_alone_and_under_other_names(name: str) -> None:
    row = {key: value for key, value in flat().items() if key != "bboxs"}
    [single] = from_visual_cot({**row, name: [1, 2, 30, 40]}, "x")
    assert single["evidence"] == [[1, 2, 30, 40]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (flat(bboxs=[[0.1, 0.2, 0.5, 1]]), "a box needs to be in pixels, got"),
        (flat(bboxs={}), "'bboxs' needs a list, got {}"),
        (boxed(image=["a.jpg", "b.jpg###[1, 2, 30, 40]"]), "needs one image, got 2"),
        (boxed(image=["a.jpg", "a.jpg###[1, 2, 3"]), "a box behind ### needs to be a JSON list"),
        (boxed(image=["a.jpg", "a.jpg###[0.1, 0.2, 0.5, 0.7]"]), "a box needs to be in pixels"),
        (boxed(conversations=talk("What?", "[0, 0, 1, 1]")), "human, gpt, human, gpt, got 2 others"),
    ],
)
def test_what_does_not_say_where_its_box_is_is_our_error(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(LogError, match=reason):
        list(from_visual_cot(row, "x"))


def test_formats_are_told_apart_by_what_only_they_have() -> None:
    plain = {"image": "a.jpg", "question": "what?", "bbox": [1, 2, 3, 4]}
    conversation = {"image": "a.jpg", "conversations": talk("a", "b")}
    assert [is_visual_cot(row) for row in (flat(), boxed(), conversation, plain)] == [True, True, False, False]
    assert [is_llava(row) for row in (conversation, plain)] == [True, False]
