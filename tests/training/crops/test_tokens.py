"""Tokenizers as files against the libraries' own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from semclip.errors import ModelError
from semclip.geometry import Size
from semclip.relevance.towers import Preprocess, Tokenize, Towers
from semclip.training.crops.tokens import portable_tokens
from semclip.training.tokens import Tokens

QUESTIONS = (
    "Where is the small red car?",
    "what\u2019s the Invoice No. (12,345.67 \u20ac)?",
    "read  the\tsign",
    "It'S O'LL \U0001f44d e\u0301",
)


def towers(tokenize: Tokenize, tokenizer: Any) -> Towers:
    """Towers that are nothing but their tokenizer."""
    nothing = torch.nn.Module()
    preprocess = Preprocess(Size(1, 1), (0.0,) * 3, (1.0,) * 3)
    return Towers(nothing, preprocess, torch.mean, tokenize, torch.mean, architecture={}, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def clip() -> Tokens:
    own = open_clip.get_tokenizer("ViT-B-32")
    return portable_tokens("clip", towers(own, own))


def test_the_vocabulary_of_clip_gives_the_ids_of_open_clip(clip: Tokens) -> None:
    own = open_clip.get_tokenizer("ViT-B-32")
    for question in (*QUESTIONS, "word " * 100, ""):
        assert torch.equal(clip(question), own(question))
    assert clip.runtime.text.pad_to == 77


def letters(**settings: Any) -> PreTrainedTokenizerFast:
    vocabulary = {letter: i for i, letter in enumerate(("<pad>", "<unk>", *"Aabcdefghijklmnopqrstuvwxyz _'!?"))}
    backend = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", **settings)


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
def test_what_open_clip_does_before_a_tokenizer_of_transformers_is_found(clean: str, tmp_path: Path) -> None:
    letters().save_pretrained(tmp_path)
    own = open_clip.tokenizer.HFTokenizer(str(tmp_path), context_length=64, clean=clean)
    tokens = portable_tokens("own", towers(own, own))
    for question in ("Aa  b_c, it's", *QUESTIONS):
        assert torch.equal(tokens(question), own(question))


def test_a_tokenizer_that_no_file_can_hold_is_refused() -> None:
    own = letters()
    with pytest.raises(ModelError, match="backwards needs a tokenizer that a file can hold, got TokenizersBackend"):
        portable_tokens("backwards", towers(lambda text: torch.tensor([own(text[::-1]).input_ids[:64]]), own))


def test_a_tokenizer_of_an_unknown_make_is_refused() -> None:
    own = letters()
    with pytest.raises(ModelError, match="the tokenizer of odd could not be loaded"):
        portable_tokens("odd", towers(lambda text: torch.tensor([own(text).input_ids[:64]]), object()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_sentencepiece_model_as_siglip_uses_it_is_converted(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    from transformers import SiglipTokenizer

    from semclip.relevance.hf import _tokenize

    text = tmp_path / "text.txt"
    text.write_text("\n".join(["where is the small red car", "what is the total on the invoice", "read the sign"] * 30))
    options = {"vocab_size": 70, "hard_vocab_limit": False, "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(tmp_path / "spiece"), minloglevel=3, **options
    )
    own = SiglipTokenizer(str(tmp_path / "spiece.model"))
    tokenize = partial(_tokenize, own, length=64, padding="max_length")
    tokens = portable_tokens("siglip", replace(towers(tokenize, own), tokenizer=own))
    for question in QUESTIONS:
        assert torch.equal(tokens(question), tokenize(question))
