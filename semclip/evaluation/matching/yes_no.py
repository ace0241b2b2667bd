"""Answers that are yes or no."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[a-z]+(?:['\u2019]t)?")
_SENTENCE_END = re.compile(r"[.!?\n]")


def says_yes(text: str) -> bool | None:
    """Whether the first sentence says yes or no; None where it says neither or both.

    Stricter than POPE's own evaluation, to which everything without a no is a yes.

    >>> says_yes("Yes, there is."), says_yes("There is no dog."), says_yes("It isn't."), says_yes("A dog.")
    (True, False, False, None)
    """
    words: list[str] = _WORD.findall(_SENTENCE_END.split(text.strip(), maxsplit=1)[0].lower())
    if words[:1] in (["yes"], ["no"]):
        return words[0] == "yes"
    denies = any(word in ("no", "not") or word.endswith(("n't", "n\u2019t")) for word in words)
    return None if denies == ("yes" in words) else not denies


def yes_no(text: str, answers: Sequence[str]) -> float:
    """1 where `text` says yes or no as the first of `answers` does, else 0.

    >>> yes_no("No, I see none.", ["no"]), yes_no("Perhaps", ["no"])
    (1.0, 0.0)
    """
    said = says_yes(text)
    return float(said is not None and said == says_yes(answers[0])) if answers else 0.0
