"""What replies are worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from semclip.evaluation.answers.protocol import AnswerConfig, askings
from semclip.evaluation.answers.replies import Question
from semclip.evaluation.answers.scoring import Asked, record, score
from semclip.evaluation.answers.store import Reply
from semclip.evaluation.datasets.items import Item
from semclip.geometry import Box

CHOICE = Item("7", b"", "Which?", ("red",), options=("red", "B"), right=0, category="c", group="g")


def question(**changes: Any) -> tuple[Question, AnswerConfig]:
    config = AnswerConfig(**changes)
    return Question("set", CHOICE, askings(CHOICE, "choice", config), "choice"), config


def test_cycled_options_score_the_mean() -> None:
    asked, config = question(options="cycled")
    assert score(asked, ["A", "B"], config) == 1
    assert score(asked, ["A", "A"], config) == 0.5
    assert score(asked, ["B", "A"], config) == 0


def test_the_likeliest_option_is_taken_as_it_is_even_where_it_looks_like_a_letter() -> None:
    asked, config = question(options="likelihood")
    assert score(asked, ["red"], config) == 1
    assert score(asked, ["B"], config) == 0


def test_a_record_holds_the_reply_and_its_question() -> None:
    asked, config = question(options="cycled")
    reply = Reply(("A", "A"), 576, 0.5, 2, (Box(0, 0, 1, 1),))
    made = record(Asked(3, asked, "d1", ("k",)), "overview", reply, config)
    assert (made.set, made.item, made.image, made.strategy) == ("set", "7", "d1", "overview")
    assert made.text == "A | A"
    assert made.score == 0.5
    assert (made.visual_tokens, made.seconds, made.vlm_passes, made.boxes) == (576, 0.5, 2, (Box(0, 0, 1, 1),))
    assert (made.category, made.group) == ("c", "g")
    assert made.hit is None


@pytest.mark.parametrize(
    ("boxes", "hit"),
    [
        ([], False),
        ([Box(0, 0, 9, 10)], True),
        ([Box(0, 0, 8, 10)], False),
        ([Box(50, 50, 60, 60), Box(0, 0, 99, 99)], True),
    ],
)
def test_a_record_tells_whether_a_crop_shows_the_evidence(boxes: list[Box], hit: bool) -> None:
    asked, config = question()
    known = replace(asked, item=replace(CHOICE, evidence=(Box(0, 0, 10, 10), Box(500, 500, 600, 600))))
    assert record(Asked(3, known, "d1", ("k",)), "color", Reply(("A",), 576, 0.5, 2, tuple(boxes)), config).hit is hit
