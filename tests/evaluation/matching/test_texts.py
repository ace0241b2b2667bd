"""Texts against accepted texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.matching import anls, exact, is_right
from semclip.evaluation.matching.texts import edit_distance

words = st.text("abc ", max_size=6)


@pytest.mark.parametrize(
    ("text", "right"), [("EXIT", True), ("the exit.", True), (" Exit\n", True), ("no exit", False), ("", False)]
)
def test_an_answer_is_right_but_for_case_punctuation_and_articles(text: str, right: bool) -> None:
    assert is_right(text, ["ENTRANCE", "exit"]) is right
    assert exact(text, ["ENTRANCE", "exit"]) == float(right)


@given(words, words, words)
def test_edits_are_a_distance(a: str, b: str, c: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("ITC Limited", ["itc  limited"], 1.0),
        ("coca cola", ["coca-cola company", "Coca Cola"], 1.0),
        ("2 3/8", ["2.3/8"], 0.8),
        ("abcd", ["abxy"], 0.5),
        ("abcde", ["abxyz"], 0.0),
        ("", ["a"], 0.0),
        ("a", [], 0.0),
    ],
)
def test_anls_is_the_share_of_the_nearest_answer(text: str, answers: list[str], expected: float) -> None:
    assert anls(text, answers) == pytest.approx(expected)


@given(words, st.lists(words, max_size=3))
def test_another_accepted_text_never_lowers_anls(text: str, answers: list[str]) -> None:
    assert anls(text, answers) <= anls(text, [*answers, "abc"]) <= 1
