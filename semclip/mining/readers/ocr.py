"""A reader that knows letters only: a crop is worth something where the answer can be read in it at a VLM's resolution.

What it has read in one crop it knows of many others: see implied.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, final

from semclip.adapters.budget import scaled
from semclip.errors import ImageError, InputError
from semclip.geometry import Box
from semclip.mining.readers.implied import Place, implied_rewards
from semclip.mining.readers.matching import READ, Word, matches, normalised
from semclip.mining.rewards import POSITIVE, Query, Rewards
from semclip.types import Picture

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

RULE = 2
"""Version of all that decides rewards and is no option."""
ENLARGED = 2
"""Tesseract wants letters of 20 px and more. Twice the pixels hold no more than was there, and it reads more of it."""


class ReadsText(Protocol):
    """A program that reads pictures."""

    @property
    def fingerprint(self) -> str: ...

    def __call__(self, pictures: Sequence[PILImage], /) -> Sequence[Sequence[Word]]:
        """The words of each picture in reading order, in its pixels."""
        ...


@final
@dataclass(frozen=True)
class OcrReader:
    """Shows each crop with its long side at `px`, as a VLM of that input size sees it, and looks for the answer in it.

    A pass is one crop; it is read once for all questions that are asked together, and counted for each.
    """

    text: ReadsText
    px: int = 336
    name: str = "ocr"
    least_passes: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.px, int) or self.px < 1:
            raise InputError(f"the reader ocr needs px to be a whole number of at least 1, got {self.px!r}")

    @cached_property
    def fingerprint(self) -> str:
        """Of rule, resolution and the program that reads. Raises: ModelError where that is missing."""
        return hashlib.sha256(f"ocr {RULE} {self.px} {self.text.fingerprint}".encode()).hexdigest()

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> Iterator[Rewards | InputError]:
        words: dict[Box, list[Word]] = {}
        for query in queries:
            tried = [query.boxes[index] for index in query.tries] if _answers(query) else []
            try:
                words |= self._read(picture, [box for box in dict.fromkeys(tried) if box not in words])
            except ImageError as error:
                yield error
            else:
                yield _rewards(query, words)

    def _read(self, picture: Picture, boxes: Sequence[Box]) -> dict[Box, list[Word]]:
        """The words of each box in reading order, in pixels of the image."""
        pages = self.text([self._shown(picture, box) for box in boxes])
        return {box: [self._placed(word, box) for word in page] for box, page in zip(boxes, pages, strict=True)}

    def _shown(self, picture: Picture, box: Box) -> PILImage:
        from PIL import Image

        size = scaled(box.size, self.px)
        crop = Image.fromarray(picture.crops([box], size)[0])
        return crop.resize((ENLARGED * size.width, ENLARGED * size.height), Image.Resampling.BICUBIC)

    def _placed(self, word: Word, box: Box) -> Word:
        shown = scaled(box.size, self.px)
        x, y = box.size.width / (ENLARGED * shown.width), box.size.height / (ENLARGED * shown.height)
        left, top, right, bottom = word.edges
        return Word(word.text, (box.left + x * left, box.top + y * top, box.left + x * right, box.top + y * bottom))


def load(*, reader_px: int = 336, language: str = "eng") -> OcrReader:
    """The reader with Tesseract; `language` as Tesseract names it, several joined by +.

    Raises: MissingExtra without the extra `mine`; ModelError where Tesseract itself is missing.
    """
    from semclip.mining.readers.tesseract import Tesseract

    reader = OcrReader(Tesseract(language), reader_px)
    # Asked now, so that a missing program is said before a job begins.
    _ = reader.fingerprint
    return reader


def worth(similarity: float) -> float:
    """The reward of a crop in which an answer was read with this share of its characters right: 0.5 to 1.

    >>> worth(1.0), worth(READ)
    (1.0, 0.5)
    """
    return POSITIVE + (1 - POSITIVE) * (similarity - READ) / (1 - READ)


def _rewards(query: Query, words: Mapping[Box, Sequence[Word]]) -> Rewards | InputError:
    answers = _answers(query)
    if not answers:
        return InputError(f"the reader ocr needs an answer of letters or digits, got {list(query.example.answers)}")
    seen, places = dict[int, float](), list[Place]()
    for index in query.tries:
        box = query.boxes[index]
        found = [
            Place(match.edges, _long_side(box), worth(match.similarity))
            for answer in answers
            for match in matches(answer, words[box])
        ]
        seen[index] = max((place.reward for place in found), default=0.0)
        places += found
    return Rewards(implied_rewards(query.boxes, places, seen), passes=len(query.tries))


def _answers(query: Query) -> list[str]:
    """The different answers that something can be read of."""
    return [answer for answer in dict.fromkeys(map(normalised, query.example.answers)) if answer]


def _long_side(box: Box) -> int:
    return max(box.size.width, box.size.height)
