"""Where an answer stands in words that were read, and how well they match: edit distance against runs of the text.

Knows texts and boxes; no picture, and no program that reads one. Spaces do not count: whoever reads small print loses
and invents them. A run begins and ends where a word does, or where letters meet digits ("RM80.90"), never inside a
number: 80.90 does not stand in 180.90, nor 80 in 80.90.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from semclip.evaluation.metrics import Bools, Ints

READ = 0.8
"""An answer has been read where at least this share of its characters is right."""
SHORT = 4
"""Answers of so few characters, and those of which half or more are digits, need all of them right."""

_FAR = 10**6
_CHARACTERS = "LMN"
"""Categories of Unicode that are part of an answer at its ends, too: letters, marks and numbers."""

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


@dataclass(frozen=True, slots=True)
class Word:
    """What was read as one word, and where."""

    text: str
    edges: Edges


@dataclass(frozen=True, slots=True)
class Match:
    """A run of words that reads like an answer: the share of its characters that are right, and where it stands."""

    similarity: float
    edges: Edges


def normalised(text: str) -> str:
    """The characters of an answer that count: no case, no spaces, no punctuation or symbols at its ends.

    >>> normalised(' "Main  Street 5." '), normalised("„Straße“ €")
    ('mainstreet5', 'strasse')
    """
    ends = "".join(letter for letter in text if unicodedata.category(letter)[0] not in _CHARACTERS)
    return _folded(text.strip(ends))


def needed(answer: str) -> float:
    """The share of the characters of a normalised answer that must be right: one wrong digit is another number.

    >>> needed("yongfattenterprise"), needed("80.90"), needed("stop")
    (0.8, 1.0, 1.0)
    """
    digits = sum(letter.isdigit() for letter in answer)
    return 1.0 if len(answer) <= SHORT or 2 * digits >= len(answer) else READ


def matches(answer: str, words: Sequence[Word]) -> Iterator[Match]:
    """The runs of `words` in which `answer`, which is normalised, can be read; best first, in reading order of ties.

    >>> words = [Word("Total", (0, 0, 50, 9)), Word("RM80.90", (60, 0, 130, 9)), Word("180.90", (60, 10, 120, 19))]
    >>> list(matches("80.90", words))
    [Match(similarity=1.0, edges=(80.0, 0, 130.0, 9))]
    """
    texts = [_folded(word.text) for word in words]
    text, bounds = "".join(texts), _bounds(texts)
    while True:
        distances = np.where(bounds, edits(answer, text, bounds), _FAR)
        end = int(np.argmin(distances))
        similarity = 1 - int(distances[end]) / len(answer)
        if similarity < needed(answer):
            return
        start = end - _length(answer, text[:end], bounds[: end + 1])
        yield Match(similarity, _edges(words, texts, start, end))
        # What has been found is not found again.
        text = text[:start] + "\0" * (end - start) + text[end:]
        bounds[start + 1 : end] = False


def edits(answer: str, text: str, starts: Bools) -> Ints:
    """(n + 1,) fewest edits that make `answer` of a run of `text` that ends before each place and begins at `starts`.

    Sellers, The theory and computation of evolutionary distances (1980): a row for each character of the answer.

    >>> edits("abc", "xabd", np.array([True, True, True, True, True]))
    array([3, 3, 2, 1, 1])
    """
    places, letters = np.arange(len(text) + 1), np.array([ord(letter) for letter in text], np.int64)
    row = _extended(np.where(starts, 0, _FAR), places)
    for letter in answer:
        left_out = row + 1
        left_out[1:] = np.minimum(left_out[1:], row[:-1] + (letters != ord(letter)))
        row = _extended(left_out, places)
    return row


def _extended(row: Ints, places: Ints) -> Ints:
    """The row where further characters of the text cost an edit each."""
    extended: Ints = np.minimum.accumulate(row - places) + places
    return extended


def _length(answer: str, text: str, bounds: Bools) -> int:
    """How long the run at the end of `text` is that makes the best match."""
    from_end = np.arange(len(text) + 1) == 0
    distances = edits(answer[::-1], text[::-1], from_end)
    # At least one character: an answer of none is no answer.
    return 1 + int(np.argmin(np.where(bounds[::-1], distances, _FAR)[1:]))


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _bounds(texts: Sequence[str]) -> Bools:
    """(n + 1,) where a run of the joined texts may begin or end."""
    text = "".join(texts)
    bounds = np.ones(len(text) + 1, np.bool_)
    kinds = [_kind(text, place) for place in range(len(text))]
    bounds[1:-1] = [left != right or left == " " for left, right in pairwise(kinds)]
    bounds[np.cumsum([len(word) for word in texts], dtype=np.int64)] = True
    return bounds


def _kind(text: str, place: int) -> str:
    """Of a character: a letter's, a digit's, which a mark between two digits shares, or a space's for all else."""
    letter = text[place]
    if letter.isalpha():
        return "a"
    inside = 0 < place < len(text) - 1 and text[place - 1].isdigit() and text[place + 1].isdigit()
    return "0" if letter.isdigit() or inside else " "


def _edges(words: Sequence[Word], texts: Sequence[str], start: int, end: int) -> Edges:
    """The box around the characters from `start` to `end` of the joined texts; a word's are equally wide."""
    found: list[Edges] = []
    offset = 0
    for word, text in zip(words, texts, strict=True):
        first, last = max(start, offset) - offset, min(end, offset + len(text)) - offset
        if first < last:
            left, top, right, bottom = word.edges
            pitch = (right - left) / len(text)
            found.append((left + first * pitch, top, left + last * pitch, bottom))
        offset += len(text)
    lefts, tops, rights, bottoms = zip(*found, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
