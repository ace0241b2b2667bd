"""What replies are worth."""

from __future__ import annotations

from typing import Any

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
