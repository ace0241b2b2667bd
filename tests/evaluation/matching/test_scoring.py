"""Scores by the name of a matcher, orders of options."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.evaluation.datasets.items import Item, MatcherName
from semclip.evaluation.matching import score

COLOURS = ("red", "green", "blue", "white")
ITEM = Item("1", b"", "What colour?", ("blue",), options=COLOURS, right=2)

texts = st.text(max_size=12) | st.sampled_from(["B", "yes", "no", "blue", "two dogs", "12 Main St."])


@given(st.sampled_from(get_args(MatcherName)), texts, st.lists(texts, max_size=10))
def test_a_score_lies_between_0_and_1(matcher: MatcherName, text: str, answers: list[str]) -> None:
    assert 0 <= score(matcher, text, Item("1", b"", "?", tuple(answers))) <= 1
    assert score(matcher, text, ITEM) in (0, 1) or matcher == "anls"


@given(st.permutations(range(4)), st.integers(0, 3))
def test_an_order_and_its_letters_say_what_published_places_say(order: list[int], place: int) -> None:
    shown_as = "ABCD"[order.index(place)]
    assert score("choice", shown_as, ITEM, order) == score("choice", "ABCD"[place], ITEM) == float(place == 2)
    assert score("choice", COLOURS[place], ITEM, order) == float(place == 2)


@pytest.mark.parametrize("order", [[], [0, 1], [0, 1, 2, 2], [1, 2, 3, 4]])
def test_an_order_holds_each_option_once(order: list[int]) -> None:
    with pytest.raises(InputError, match="an order needs each of 4 options once"):
        score("choice", "A", ITEM, order)


def test_options_need_a_right_one() -> None:
    with pytest.raises(InputError, match="the place of the right one, got None"):
        score("choice", "A", Item("1", b"", "?", (), options=("a", "b")))


def test_a_choice_without_options_is_compared_as_it_stands() -> None:
    item = Item("1", b"", "How many?", ("four", "4"))
    assert (score("choice", "Four.", item), score("choice", "B", item)) == (1, 0)
