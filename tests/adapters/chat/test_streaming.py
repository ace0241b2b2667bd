from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.chat.streaming import Pieces

PROMPT = np.zeros((2, 5), int)


def decode(ids: Sequence[int]) -> str:
    """Bytes, written as decoders of byte tokens write them."""
    return bytes(ids).decode("utf-8", errors="replace")


def pieces_of(ids: Sequence[int]) -> list[str]:
    given: list[str] = []
    pieces = Pieces(decode, given.append)
    pieces.put(PROMPT)
    for token in ids:
        pieces.put(np.array([token, 0]))
    pieces.end()
    return given


@given(st.text())
def test_pieces_make_up_the_text_and_no_character_is_broken(text: str) -> None:
    pieces = pieces_of(text.encode())
    assert "".join(pieces) == text
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in pieces)


@given(st.binary())
def test_pieces_make_up_what_the_whole_decodes_to(ids: bytes) -> None:
    assert "".join(pieces_of(ids)) == decode(ids)


@given(st.text(min_size=1))
def test_no_piece_is_empty_and_a_letter_comes_one_token_late(text: str) -> None:
    given: list[str] = []
    pieces = Pieces(decode, given.append)
    pieces.put(PROMPT)
    pieces.put(np.array([65]))
    assert given == []
    pieces.put(np.array([66]))
    assert given == ["A"]
    assert all(pieces_of(text.encode()))


def test_a_cleaned_up_space_is_not_given() -> None:
    words = ["it", " is", " n", "'t"]

    def tidy(ids: Sequence[int]) -> str:
        return "".join(words[i] for i in ids).replace(" n't", "n't")

    given: list[str] = []
    pieces = Pieces(tidy, given.append)
    pieces.put(PROMPT)
    for token in range(4):
        pieces.put(np.array([token]))
    pieces.end()
    assert "".join(given) == "it isn't"
