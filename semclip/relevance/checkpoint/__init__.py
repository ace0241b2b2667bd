"""A ψ as a folder: weights, graphs that point into them, a tokenizer, a configuration and a model card.

`semclip train` writes such folders and the ψ that ships is one. The graphs hold no weights: their initialisers are
external data, byte ranges of model.safetensors. No torch here: the graphs run on ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path

from semclip.errors import ModelError
from semclip.relevance.checkpoint.config import (
    CONFIG,
    IMAGE,
    JOINT,
    README,
    TEXT,
    TOKENIZER,
    WEIGHTS,
    Config,
    CropSettings,
    DenseSettings,
    JointSettings,
    TextSettings,
    file_hash,
    read_config,
    write_config,
)
from semclip.relevance.checkpoint.crops import CropsPsi
from semclip.relevance.checkpoint.dense import DensePsi
from semclip.relevance.checkpoint.joint import JointPsi
from semclip.relevance.checkpoint.runtime import Runtime
from semclip.relevance.checkpoint.weights import read_arrays

__all__ = [
    "CONFIG",
    "IMAGE",
    "JOINT",
    "README",
    "TEXT",
    "TOKENIZER",
    "WEIGHTS",
    "Config",
    "CropSettings",
    "CropsPsi",
    "DensePsi",
    "DenseSettings",
    "JointPsi",
    "JointSettings",
    "TextSettings",
    "load",
    "read_config",
    "write_config",
]


def load(folder: str | Path, /, *, name: str | None = None) -> DensePsi | CropsPsi | JointPsi:
    """The ψ in `folder`, called `name` or as the folder was given.

    Raises: ModelError for a folder that is missing a file, or in which one is malformed, cut short or not the one that
    was written; for weights that are not finite.
    """
    place = Path(folder)
    config = read_config(place)
    for file, digest in config.files.items():
        if file_hash(place / file) != digest:
            raise ModelError(f"a psi needs the {file} that it was saved with, got another in {folder}; fetch it again")
    read_arrays(place / WEIGHTS)
    runtime = Runtime(place, config.text)
    name = str(folder) if name is None else name
    if isinstance(config.encoder, DenseSettings):
        dense = DensePsi(name, config.fingerprint, runtime, config.encoder)
        return dense if config.joint is None else JointPsi(dense, config.joint)
    if config.joint is not None:
        raise ModelError(f"a joint reader needs a dense encoder, got one that is {config.kind} in {folder}")
    return CropsPsi(name, config.fingerprint, runtime, config.encoder)
