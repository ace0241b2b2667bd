"""A text against accepted texts: the same but for form, or nearly the same."""

from __future__ import annotations

import string
from collections.abc import Sequence

ANLS_THRESHOLD = 0.5
"""Below this share of right characters an answer counts as another one, not as one that was misread."""

_ARTICLES = {"a", "an", "the"}


def exact(text: str, answers: Sequence[str]) -> float:
    """1 where `text` is one of `answers` as `is_right` says, else 0.

    >>> exact("A bus.", ["bus", "coach"]), exact("buses", ["bus"])
    (1.0, 0.0)
    """
    return float(is_right(text, answers))


def is_right(text: str, answers: Sequence[str]) -> bool:
    """Whether `text` is one of `answers`, but for case, punctuation, articles and spaces.

    >>> is_right(" The 25/12/2018.", ["25/12/2018"]), is_right("No. 42", ["42"])
    (True, False)
    """
    return normalised(text) in map(normalised, answers)


def normalised(text: str) -> str:
    """The words of an answer that count, in lower case, without punctuation and articles.

    >>> normalised("  The Main  Street!")
    'main street'
    """
    words = text.casefold().translate(str.maketrans("", "", string.punctuation)).split()
    return " ".join(word for word in words if word not in _ARTICLES)


def anls(text: str, answers: Sequence[str]) -> float:
    """The share of characters that are right, against the nearest of `answers`; 0 below ANLS_THRESHOLD.

    Average normalised Levenshtein similarity of one question (Biten et al., Scene Text Visual Question Answering,
    2019), as the evaluation of DocVQA and InfographicVQA has it: case and runs of spaces do not count, articles do.

    >>> anls("12 Main St", ["12 main st."]), anls("13", ["12"]), anls("no", ["yes"])
    (0.9090909090909091, 0.5, 0.0)
    """
    said = _squeezed(text)
    best = max((_similarity(said, _squeezed(answer)) for answer in answers), default=0.0)
    return best if best >= ANLS_THRESHOLD else 0.0


def edit_distance(a: str, b: str) -> int:
    """The fewest characters to insert, delete or replace that make `b` of `a`.

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for count, letter in enumerate(a, start=1):
        diagonal, row[0] = row[0], count
        for place, other in enumerate(b, start=1):
            above = row[place]
            row[place] = min(above + 1, row[place - 1] + 1, diagonal + (letter != other))
            diagonal = above
    return row[-1]


def _similarity(a: str, b: str) -> float:
    longest = max(len(a), len(b))
    return 1 - edit_distance(a, b) / longest if longest else 1.0


def _squeezed(text: str) -> str:
    return " ".join(text.lower().split())
