"""Questions as token ids, as the saved ψ will give them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from semclip.errors import InputError, loading
from semclip.relevance.checkpoint import TOKENIZER, TextSettings
from semclip.relevance.checkpoint.runtime import Runtime

_UNKNOWN = 1


@dataclass(frozen=True)
class Tokens:
    """A tokenizer.json and its use."""

    content: bytes
    runtime: Runtime

    def __call__(self, *texts: str) -> Tensor:
        """(N, T) ids; a text without a word, which the ψ refuses, has the unknown piece here."""
        rows = [torch.tensor(self._ids(text)) for text in texts]
        return pad_sequence(rows, batch_first=True, padding_value=self.runtime.text.pad_id)

    def _ids(self, text: str) -> list[int]:
        try:
            return self.runtime.ids(text)
        except InputError:
            return [_UNKNOWN]


def read_tokens(folder: Path, settings: TextSettings) -> Tokens:
    """The tokenizer in `folder`, which need not stay.

    Raises: ModelError where there is none.
    """
    with loading(str(folder / TOKENIZER), check="the file"):
        tokens = Tokens((folder / TOKENIZER).read_bytes(), Runtime(folder, settings))
        tokens("read it now")
    return tokens
