"""What both kinds of ψ run on: graphs on ONNX Runtime, and the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from semclip.errors import InputError, ModelError, reason
from semclip.relevance.checkpoint.config import IMAGE, TEXT, TOKENIZER, TextSettings
from semclip.types import Floats, Pixels


@dataclass(frozen=True)
class Runtime:
    """The files of a ψ's folder; each is loaded when it is first needed."""

    folder: Path
    text: TextSettings

    def encode_image(self, pixels: Pixels, *, rows: int) -> Floats:
        """(rows, d) what image.onnx gives. Raises: ModelError where it fails or gives anything else."""
        features = run(self._image, {"pixels": pixels})
        if features.ndim != 2 or len(features) != rows:
            raise ModelError(f"a psi needs {rows} rows of features, got the shape {features.shape}")
        return features

    def match(self, question: str, features: Floats) -> Floats:
        """(rows,) float32 dot products of features (rows, d) with the question's, or (rows, n) where it has n of them.

        Raises: InputError for a question without a word; ModelError where text.onnx fails or does not fit the features.
        """
        query = run(self._text, {"ids": np.array([self.ids(question)], np.int64)})
        if query.shape[-1:] != features.shape[1:]:
            raise ModelError(f"a psi needs text features of size {features.shape[1]}, got the shape {query.shape}")
        products: Floats = features.astype(np.float32) @ query.T
        return products

    def ids(self, question: str) -> list[int]:
        """The token ids of a question."""
        # A question from a command line may hold lone surrogates, which the tokenizer refuses.
        text = question.encode(errors="replace").decode()
        encoded = self._tokenizer.encode(text.lower() if self.text.lower else text, add_special_tokens=self.text.marks)
        ids: list[int] = encoded.ids
        if not any(encoded.attention_mask):
            raise InputError(f"a question needs at least one word, got {question!r}")
        return ids

    @cached_property
    def _image(self) -> ort.InferenceSession:
        return open_session(self.folder / IMAGE)

    @cached_property
    def _text(self) -> ort.InferenceSession:
        return open_session(self.folder / TEXT)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        try:
            tokenizer: Tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
            tokenizer.enable_truncation(self.text.most_tokens)
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"a psi needs a readable {TOKENIZER} in {self.folder}: {reason(error)}") from error
        tokenizer.no_padding()
        if self.text.pad_to is not None:
            tokenizer.enable_padding(length=self.text.pad_to, pad_id=self.text.pad_id)
        return tokenizer


def open_session(path: Path) -> ort.InferenceSession:
    """The graph in a file, on the CPU. Raises: ModelError where it is none."""
    options = ort.SessionOptions()
    options.log_severity_level = 4  # it would print, beside raising, what is an exception here
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class but this
        raise ModelError(f"a psi needs a readable {path.name} in {path.parent}: {reason(error)}") from error


def run(session: ort.InferenceSession, inputs: dict[str, Any]) -> Floats:
    """The first output of a graph. Raises: ModelError where it fails or is not finite."""
    try:
        output: Floats = session.run([session.get_outputs()[0].name], inputs)[0]
    except Exception as error:
        raise ModelError(f"a psi could not run its network: {reason(error)}") from error
    if not np.isfinite(output).all():
        raise ModelError("a psi gave features that are not finite")
    return output
