"""Questions become the ids that the saved ψ gives them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import ModelError
from semclip.relevance.checkpoint import TOKENIZER, DensePsi, TextSettings, load
from semclip.relevance.checkpoint.runtime import Runtime
from semclip.relevance.embedded import WEIGHTS
from semclip.training.tokens import Tokens, read_tokens

SETTINGS = TextSettings(32, pad_to=None, pad_id=0, lower=False, marks=False)
TOKENS = read_tokens(WEIGHTS, SETTINGS)


@pytest.fixture(scope="module")
def shipped() -> DensePsi:
    psi = load(WEIGHTS)
    assert isinstance(psi, DensePsi)
    return psi


@given(st.text().map(lambda text: f"cup {text}"))
def test_ids_are_those_of_the_shipped_psi(shipped: DensePsi, text: str) -> None:
    assert TOKENS(text)[0].tolist() == shipped.runtime.ids(text)


@pytest.mark.parametrize("settings", [replace(SETTINGS, most_tokens=3), replace(SETTINGS, pad_to=40, pad_id=2)])
def test_ids_are_those_of_the_configuration_whatever_it_says(settings: TextSettings) -> None:
    question = "Where is the RED cup?"
    given = Tokens(b"", Runtime(WEIGHTS, settings))(question)[0].tolist()
    assert given == Runtime(WEIGHTS, settings).ids(question) != TOKENS(question)[0].tolist()


def test_padding_is_zero_and_long_texts_are_cut() -> None:
    ids = TOKENS("where is the red cup?", "", "cup " * 100)
    assert ids.shape == (3, SETTINGS.most_tokens)
    assert (ids[2] > 0).all()
    assert torch.equal(ids[0, 6:], torch.zeros(SETTINGS.most_tokens - 6, dtype=torch.int64))
    assert ids[1, 0] > 0
    assert not ids[1, 1:].any()


def test_a_missing_or_broken_tokenizer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=TOKENIZER):
        read_tokens(tmp_path, SETTINGS)
    (tmp_path / TOKENIZER).write_text("{}")
    with pytest.raises(ModelError, match=TOKENIZER):
        read_tokens(tmp_path, SETTINGS)
