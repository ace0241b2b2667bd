"""Which of several options an answer chooses: by its letter, or by its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from semclip.evaluation.matching.texts import normalised

_ALONE = re.compile(r"\W*([A-Za-z])\W*")
_FIRST = re.compile(r"\W*(?:\(([A-Za-z])\)|([A-Za-z])[.:)](?!\w))(?!\W*(?:or|and)\b)")
_NAMED = re.compile(r"(?i:\b(?:answer|option|choice)\b(?:\s+is)?)\W*([A-Z])(?![\w'])")
_BRACKETED = re.compile(r"[(\[]([A-Za-z])[)\]]")
_LAST = re.compile(r"\b([A-Z])\W*$")


def choice(text: str, options: Sequence[str], right: int) -> float:
    """1 where `text` chooses the option at the place `right`, else 0; an unclear answer is wrong.

    >>> choice("(B) red", ["blue", "red"], 1), choice("red or blue", ["blue", "red"], 1)
    (1.0, 0.0)
    """
    return float(chosen_letter(text, options) == right)


def chosen_letter(text: str, options: Sequence[str]) -> int | None:
    """The place of the option that `text` chooses, `options` being in the order shown; None where that is unclear.

    In this order: a letter alone or in front, a letter that is called the answer, one in brackets, the only option
    whose text is there, a capital at the end. Letters that disagree are unclear. A letter goes before a text: it is
    what a model is asked for.

    >>> options = ["red", "dark red", "blue"]
    >>> [chosen_letter(text, options) for text in ("b", "C. blue", "The answer is (A).", "A dark red bus", "D", "Well")]
    [1, 2, 0, 1, None, None]
    """
    for letters in (_leading(text), _NAMED.findall(text), _BRACKETED.findall(text)):
        places = [place for place in map(_place, letters) if place < len(options)]
        if places:
            return _only(places)
    place = _only(_mentioned(text, options))
    return place if place is not None else _last(text, len(options))


def _leading(text: str) -> list[str]:
    found = _ALONE.fullmatch(text) or _FIRST.match(text)
    return [letter for letter in found.groups() if letter] if found else []


def _mentioned(text: str, options: Sequence[str]) -> list[int]:
    """Places of the options whose words are in `text`, but those that are only there as a part of another."""
    said = f" {normalised(text)} "
    words = [f" {normalised(option)} " for option in options]
    whole = [place for place, option in enumerate(words) if option == said]
    if whole and said.strip():
        return whole
    longest = sorted(range(len(words)), key=lambda place: -len(words[place]))
    found = list[int]()
    for place in longest:
        if words[place].strip() and words[place] in said:
            found.append(place)
            said = said.replace(words[place], " | ")
    return found


def _last(text: str, count: int) -> int | None:
    found = _LAST.search(text)
    return _place(found[1]) if found and _place(found[1]) < count else None


def _place(letter: str) -> int:
    return ord(letter.upper()) - ord("A")


def _only(places: Iterable[int]) -> int | None:
    """The place that all of `places` are, None where there is none or several."""
    different = set(places)
    return different.pop() if len(different) == 1 else None
