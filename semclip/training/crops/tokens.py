"""A library's tokenizer as a file: tokenizer.json and how to use it, found by comparison.

What the libraries do around their tokenizers (cleaning, lower case, padding) is in no file of theirs. So it is tried
what gives the same ids on texts that tell these habits apart, with the code that reads the file at run time.
"""

from __future__ import annotations

import re
import string
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from semclip.errors import MissingExtra, ModelError, loading
from semclip.relevance.checkpoint import TOKENIZER, TextSettings
from semclip.relevance.towers import Towers
from semclip.training.tokens import Tokens, read_tokens

try:
    import torch
    from open_clip.tokenizer import HFTokenizer, SigLipTokenizer, SimpleTokenizer
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers.convert_slow_tokenizer import SpmConverter
    from transformers.tokenization_utils_sentencepiece import SentencePieceBackend
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "torch", extra="train") from missing

PROBES = (
    "a",
    "Where is the RED car?",
    "what's the total, in €: 12,345.67 or 1/2?",
    "\u201cthey\u2019ll\u201d say it's we'd 'quoted' (so-so) – O'Neill_2 #7",
    "  two  spaces\ta tab\nand a line ",
    "Größe, naïve CAFÉ, 日本語 и ещё",
    "word " * 400,
)
"""Texts on which tokenizers differ."""


def portable_tokens(name: str, towers: Towers) -> Tokens:
    """What gives the ids that the towers' own tokenizer gives.

    Raises: ModelError where nothing does.
    """
    wanted = [towers.tokenize(text) for text in PROBES]
    short, long = wanted[0][0], wanted[-1][0]
    padded = len(short) == len(long)
    pad_to, pad_id = (len(long), int(short[-1])) if padded else (None, 0)
    with loading(f"the tokenizer of {name}"):
        backend = _backend(towers.tokenizer)
        for clean, lower in product(_cleanings(), (True, False)):
            settings = TextSettings(len(long), pad_to, pad_id, lower=lower, marks=True)
            tokens = _written(_cleaned(backend, clean), settings)
            if all(torch.equal(tokens(text), ids) for text, ids in zip(PROBES, wanted, strict=True)):
                return tokens
    raise ModelError(f"{name} needs a tokenizer that a file can hold, got {type(towers.tokenizer).__name__}")


def _written(backend: Tokenizer, settings: TextSettings) -> Tokens:
    with TemporaryDirectory() as folder:
        (Path(folder) / TOKENIZER).write_text(backend.to_str(), encoding="utf-8")
        return read_tokens(Path(folder), settings)


def _backend(tokenizer: Any) -> Tokenizer:
    """The part that splits and numbers, as `tokenizers` knows it."""
    match tokenizer:
        case SimpleTokenizer():
            return _clip(tokenizer)
        case HFTokenizer() | SigLipTokenizer():
            return _backend(tokenizer.tokenizer)
        case SentencePieceBackend():
            backend: Tokenizer = SpmConverter(tokenizer).converted()
            end = (tokenizer.eos_token, tokenizer.eos_token_id)
            backend.post_processor = processors.TemplateProcessing(single=f"$A {end[0]}", special_tokens=[end])
            return backend
    own: Tokenizer = tokenizer.backend_tokenizer
    return own


def _clip(tokenizer: Any) -> Tokenizer:
    """OpenAI's, which open_clip keeps as Python code."""
    start, end = "<start_of_text>", "<end_of_text>"
    vocabulary, merges = tokenizer.encoder, sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token=end, end_of_word_suffix="</w>"))
    backend.normalizer = normalizers.Sequence([*_tidy(), *_spaces(), normalizers.Lowercase()])
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    split = pre_tokenizers.Split(words, behavior="removed", invert=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    marks = [(mark, vocabulary[mark]) for mark in (start, end)]
    backend.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=marks)
    return backend


def _cleanings() -> list[list[Any]]:
    """What libraries do to a text before they split it, where their tokenizer does not."""
    bare = normalizers.Replace(Regex(f"[{re.escape(string.punctuation)}]"), "")
    # As transformers leaves it to the tokenizer, as open_clip does, and as SigLIP does in the one and in the other.
    named = [*_tidy(), normalizers.Replace("_", " "), bare, *_spaces()]
    return [[], [*_tidy(), *_spaces()], [bare, *_spaces()], named]


def _tidy() -> list[Any]:
    """What ftfy does to texts that are not broken."""
    curly = (("[\u02bc\u2018-\u201b]", "'"), ("[\u201c-\u201f]", '"'))
    return [*(normalizers.Replace(Regex(given), plain) for given, plain in curly), normalizers.NFC()]


def _spaces() -> list[Any]:
    return [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]


def _cleaned(backend: Tokenizer, clean: list[Any]) -> Tokenizer:
    """The same, but it cleans first."""
    if not clean:
        return backend
    cleaned = Tokenizer.from_str(backend.to_str())
    cleaned.normalizer = normalizers.Sequence(clean if backend.normalizer is None else [*clean, backend.normalizer])
    return cleaned
