"""Yes or no."""

from __future__ import annotations

import pytest

from semclip.evaluation.matching import says_yes, yes_no


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
