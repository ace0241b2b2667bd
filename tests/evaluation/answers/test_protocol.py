"""What is sent for a question, and what tells one way of asking from another."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.evaluation.answers.protocol import (
    AnswerConfig,
    Order,
    Templates,
    askings,
    candidates,
    describe,
    digest,
    identity,
)
from semclip.evaluation.datasets.items import Item, MatcherName
from semclip.vlm import VLM
from tests.fakes import ScriptedVLM

OPTIONS = ("red", "green", "blue", "grey")
CHOICE = Item("7", b"", "Which colour?", ("red",), options=OPTIONS, right=0)
OPEN = Item("8", b"", "Which colour, {really}?", ("red",))


def order(item: Item, **changes: Any) -> tuple[int, ...] | None:
    (asking,) = askings(item, "choice", AnswerConfig(**changes))
    return asking.order


@given(st.integers(0, 1000), st.text(max_size=5))
def test_a_shuffled_order_depends_on_seed_and_id_alone(seed: int, name: str) -> None:
    one = Item(name, b"1", "a", (), options=OPTIONS, right=0)
    other = Item(name, b"2", "b", (), options=OPTIONS[::-1], right=2)
    assert order(one, seed=seed) == order(other, seed=seed)
    assert sorted(order(one, seed=seed) or ()) == [0, 1, 2, 3]


def test_every_place_gets_the_right_option_about_as_often() -> None:
    places = [(order(Item(str(n), b"", "q", (), options=OPTIONS, right=0)) or ()).index(0) for n in range(400)]
    assert all(70 < places.count(place) < 130 for place in range(4))


def test_the_text_lists_the_options_in_their_order() -> None:
    (asking,) = askings(CHOICE, "choice", AnswerConfig())
    lines = asking.text.splitlines()
    assert lines[0] == "Which colour?"
    assert lines[1:5] == [f"{'ABCD'[at]}. {OPTIONS[place]}" for at, place in enumerate(asking.order or ())]
    assert lines[5] == "Answer with the option's letter from the given choices directly."


def test_cycled_asks_each_rotation() -> None:
    made = askings(CHOICE, "choice", AnswerConfig(options="cycled"))
    assert [asking.order for asking in made] == [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1), (3, 0, 1, 2)]


@pytest.mark.parametrize(
    ("item", "matcher", "options", "text"),
    [
        (OPEN, "vqa", "shuffled", "Which colour, {really}?\nAnswer the question using a single word or phrase."),
        (OPEN, "yes_no", "cycled", "Which colour, {really}?\nAnswer the question with yes or no."),
        (OPEN, "choice", "published", "Which colour, {really}?\nAnswer the question using a single word or phrase."),
        (CHOICE, "exact", "published", "Which colour?\nAnswer the question using a single word or phrase."),
        (CHOICE, "choice", "likelihood", "Which colour?"),
        (OPEN, "vqa", "likelihood", "Which colour, {really}?\nAnswer the question using a single word or phrase."),
    ],
)
def test_each_kind_of_question_has_its_instruction(item: Item, matcher: MatcherName, options: Order, text: str) -> None:
    assert [asking.text for asking in askings(item, matcher, AnswerConfig(options=options))] == [text]


def test_bare_is_the_question_alone_and_a_template_may_be_replaced() -> None:
    assert askings(CHOICE, "choice", AnswerConfig(options="cycled", bare=True))[0].text == "Which colour?"
    config = AnswerConfig(templates=Templates(phrase="Q: {question}"))
    assert askings(OPEN, "vqa", config)[0].text == "Q: Which colour, {really}?"


def test_candidates_are_options_or_yes_and_no() -> None:
    assert candidates(CHOICE, "choice") == OPTIONS
    assert candidates(OPEN, "yes_no") == ("Yes", "No")
    assert candidates(OPEN, "vqa") == ()


@pytest.mark.parametrize(
    "wrong",
    [{"options": "x"}, {"matcher": "x"}, {"limit": 0}, {"resamples": 9}, {"k": 0}, {"batch_size": 0}],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        AnswerConfig(**wrong)


def test_what_is_described_is_ready_for_json_and_differs_where_the_terms_do() -> None:
    told = [
        describe(config, model={"name": "m"}, sets=[], strategies={})
        for config in (AnswerConfig(), AnswerConfig(seed=1), AnswerConfig(bare=True), AnswerConfig(batch_size=1))
    ]
    assert len({json.dumps(one) for one in told}) == 3
    assert digest(told[0]) == digest(told[3]) != digest(told[1])


def test_a_model_that_is_not_in_memory_is_known_by_name() -> None:
    assert identity(VLM(ScriptedVLM(name="m"))) == {"name": "m"}


def test_a_model_in_memory_is_known_by_its_weights(vlm_folder: Any) -> None:
    import torch

    from semclip.adapters.chat import load_chat

    adapter = load_chat(vlm_folder("llava"))
    before = identity(VLM(adapter))
    assert before == identity(VLM(load_chat(vlm_folder("llava"))))
    with torch.no_grad():
        adapter.model.get_input_embeddings().weight.mul_(2)
    assert identity(VLM(adapter))["fingerprint"] != before["fingerprint"]


def test_nothing_here_loads_torch() -> None:
    script = "import sys, semclip.evaluation.answers.evaluation as e; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.strip() == b"False"
