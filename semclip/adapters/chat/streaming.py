"""Text in pieces while its tokens are still being made.

Knows token ids and a function that decodes them; no model, no torch. transformers' own streamers refuse a batch, which
an ensemble is, and decode line by line, which loses spaces that a tokenizer puts at the start of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""What decoders write for the first bytes of a character."""


@final
class Pieces:
    """A streamer for `generate`: gives `sink` what row 0 of the batch writes; all pieces together are its text.

    A piece is given once the next token has left it as it was: decoders join, drop and complete characters at the end.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], sink: Callable[[str], object]) -> None:
        self._decode = decode
        self._sink = sink
        self._ids: list[int] = []
        self._text = ""
        self._given = 0
        self._prompted = False

    def put(self, value: Any) -> None:
        """Takes the token ids of every row, (rows,); the first call brings the prompt instead."""
        if not self._prompted:
            self._prompted = True
            return
        self._ids.append(int(value[0]))
        text = self._decode(self._ids)
        self._give(_shared(self._text, text).rstrip(_INCOMPLETE))
        self._text = text

    def end(self) -> None:
        """Gives what was held back."""
        self._give(self._text)

    def _give(self, text: str) -> None:
        if len(text) > self._given:
            self._sink(text[self._given :])
            self._given = len(text)


def _shared(a: str, b: str) -> str:
    """The longest text with which both begin."""
    length = next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:length]
