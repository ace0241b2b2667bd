"""Which option an answer chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.matching import choice, chosen_letter

OPTIONS = ["red", "dark red", "blue", "The bus is left of the car."]
options = st.lists(st.text(max_size=8), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("B", 1),
        ("b", 1),
        ("(B)", 1),
        ("B.", 1),
        ("**B**", 1),
        ("B) dark red", 1),
        ("(c) blue", 2),
        ("C: blue", 2),
        ("Answer: B", 1),
        ("The answer is B", 1),
        ("The correct option is (C), as it looks blue or red.", 2),
        ("I think that it is (C)", 2),
        ("blue", 2),
        (" Blue. ", 2),
        ("The colour is blue", 2),
        ("dark red", 1),
        ("A dark red bus", 1),
        ("A red bus", 0),
        ("bus is left of car", 3),
        ("It must be C", 2),
        ("B. red", 1),
    ],
)
def test_an_answer_chooses_by_letter_or_text(text: str, place: int) -> None:
    assert chosen_letter(text, OPTIONS) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "E",
        "red or blue",
        "(A) or (B)",
        "Option A is wrong, the answer is B",
        "I do not know",
        "reddish",
        "X-ray",
    ],
)
def test_an_unclear_answer_chooses_nothing(text: str) -> None:
    assert chosen_letter(text, OPTIONS) is None
    assert choice(text, OPTIONS, 0) == 0


@given(options, st.integers(0, 4))
def test_a_letter_of_an_option_chooses_it(shown: list[str], place: int) -> None:
    for written in (letter := "ABCDE"[place], f"({letter})", f"{letter}.", f"Answer: {letter}"):
        assert place >= len(shown) or chosen_letter(written, shown) == place


@given(st.text(max_size=20), options)
def test_what_is_chosen_is_there(text: str, shown: list[str]) -> None:
    place = chosen_letter(text, shown)
    assert place is None or 0 <= place < len(shown)


@given(st.text(max_size=20), st.permutations(["red", "green car", "blue"]))
def test_texts_choose_whatever_the_order(text: str, shown: list[str]) -> None:
    for option in shown:
        place = chosen_letter(f"it is {option}", shown)
        assert place is not None
        assert shown[place] == option
