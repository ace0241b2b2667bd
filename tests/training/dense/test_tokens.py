"""Questions become the ids that the saved ψ gives them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import ModelError
from semclip.relevance.checkpoint import TOKENIZER, DensePsi, load
from semclip.relevance.embedded import WEIGHTS
from semclip.training.dense.tokens import MOST_TOKENS, read_tokenizer, token_ids

TOKENS = read_tokenizer(WEIGHTS / TOKENIZER)


@pytest.fixture(scope="module")
def shipped() -> DensePsi:
    psi = load(WEIGHTS)
    assert isinstance(psi, DensePsi)
    return psi


@given(st.text().map(lambda text: f"cup {text}"))
def test_ids_are_those_of_the_shipped_psi(shipped: DensePsi, text: str) -> None:
    assert token_ids(TOKENS, [text])[0].tolist() == shipped.runtime.ids(text)


def test_padding_is_zero_and_long_texts_are_cut() -> None:
    ids = token_ids(TOKENS, ["where is the red cup?", "", "cup " * 100])
    assert ids.shape == (3, MOST_TOKENS)
    assert (ids[2] > 0).all()
    assert torch.equal(ids[0, 6:], torch.zeros(MOST_TOKENS - 6, dtype=torch.int64))
    assert ids[1, 0] > 0
    assert not ids[1, 1:].any()


def test_a_missing_or_broken_tokenizer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    for name in ("tokenizer.json", "none.json"):
        with pytest.raises(ModelError, match=name):
            read_tokenizer(tmp_path / name)
