"""Questions as word-piece ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from semclip.errors import loading

MOST_TOKENS = 32
_UNKNOWN = 1


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a file, without padding and truncation of its own.

    Raises: ModelError where there is none.
    """
    with loading(str(path), check="the file"):
        tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """(N, T) ids, 0 where padded; a text without a single known piece gets the unknown one."""
    encoded = [tokenizer.encode(text.encode(errors="replace").decode(), add_special_tokens=False) for text in texts]
    rows = [one.ids[:MOST_TOKENS] or [_UNKNOWN] for one in encoded]
    padded = torch.zeros(len(rows), max(map(len, rows), default=1), dtype=torch.int64)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = torch.tensor(row)
    return padded
