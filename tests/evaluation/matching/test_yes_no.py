"""Yes or no, and POPE's measures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.evaluation.matching import says_yes, yes_no, yes_no_measures


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", True),
        ("YES, there is no doubt.", True),
        ("No", False),
        ("no.", False),
        ("There is no dog. Yes, none.", False),
        ("It isn’t there", False),  # noqa: RUF001
        ("Well, yes", True),
        ("Yesterday", None),
        ("nothing", None),
        ("", None),
        ("It says yes and not no", None),
    ],
)
def test_the_first_sentence_says_yes_or_no(text: str, said: bool | None) -> None:
    assert says_yes(text) is said
    assert yes_no(text, ["yes"]) == float(said is True)
    assert yes_no(text, ["No"]) == float(said is False)


def test_without_an_accepted_text_nothing_is_right() -> None:
    assert yes_no("yes", []) == 0


def test_measures_are_those_of_pope() -> None:
    texts, labels = ["yes"] * 6 + ["no"] * 4, [True] * 4 + [False] * 2 + [True] + [False] * 3
    measures = yes_no_measures(texts, labels)
    assert (measures.accuracy, measures.yes_ratio) == (0.7, 0.6)
    assert measures.precision == pytest.approx(4 / 6)
    assert measures.recall == pytest.approx(4 / 5)
    assert measures.f1 == pytest.approx(8 / 11)


@given(st.lists(st.tuples(st.sampled_from(["yes", "no", "?"]), st.booleans()), min_size=1, max_size=9))
def test_measures_lie_between_0_and_1(answers: list[tuple[str, bool]]) -> None:
    measures = yes_no_measures([text for text, _ in answers], [label for _, label in answers])
    assert all(0 <= getattr(measures, name) <= 1 for name in measures.__slots__)
    right = [yes_no(text, ["yes" if label else "no"]) for text, label in answers]
    assert measures.accuracy == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize(("texts", "labels"), [([], []), (["yes"], [])])
def test_each_label_needs_an_answer(texts: list[str], labels: list[bool]) -> None:
    with pytest.raises(InputError, match="an answer for each label"):
        yes_no_measures(texts, labels)
