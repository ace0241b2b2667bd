"""The dense ψ as a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semclip.errors import ModelError
from semclip.files import write_atomic
from semclip.relevance.checkpoint import (
    IMAGE,
    TEXT,
    TOKENIZER,
    WEIGHTS,
    Config,
    DenseSettings,
    read_config,
    write_config,
)
from semclip.relevance.checkpoint.weights import read_header
from semclip.training.dense.model import Towers
from semclip.training.export import Graph, export_graph, load_weights, write_weights
from semclip.training.lora import merged_weights

TOLERANCE = 2e-2
"""Of a feature, which is 1 to 5 at most: torch with float32 weights against the graph with float16 ones."""


class ImageGraph(nn.Module):
    """uint8 (H, W, 3) -> float16 (H / 8 * W / 8, d), row-major."""

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.towers.image(pixels.float().permute(2, 0, 1)[None])
        return features[0].flatten(1).T.half()


class TextGraph(nn.Module):
    """int64 (1, T) -> queries (5, d); see model.Query.rows."""

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, ids: Tensor) -> Tensor:
        queries: Tensor = self.towers.text(ids).rows(self.towers.scale)[0]
        return queries


def save_dense(towers: Towers, folder: Path, *, config: Config, tokenizer: bytes) -> None:
    """Nothing; `folder` then holds the ψ. `towers`, wherever and however they are under training, stay as they are.

    `model` of `config` is replaced by what describes the towers.
    Raises: ModelError where the graphs do not give what the towers give.
    """
    vectors = towers.text.vectors
    still = Towers(torch.zeros(vectors.num_embeddings, vectors.embedding_dim)).eval()
    still.load_state_dict(merged_weights(towers))
    write_weights(still, folder)
    export_graph(image_graph(still), folder / IMAGE)
    export_graph(text_graph(still), folder / TEXT)
    write_atomic(folder / TOKENIZER, tokenizer)
    write_config(folder, replace(config, model=model_of(still)))


def load_dense(folder: Path) -> Towers:
    """The towers in `folder`, in float32 and training mode.

    Raises: ModelError for a folder of another encoder, and for weights that do not fit exactly.
    """
    config = read_config(folder)
    dense_settings(config, folder)
    model, vectors = config.model, read_header(folder / WEIGHTS).get("text.vectors.weight")
    shape = (model.get("words"), model.get("word_size"))
    if set(model) != {"kind", "words", "word_size"} or vectors is None or vectors.shape != shape:
        raise ModelError(f"{folder} needs the weights of its configuration, got the model {dict(model)!r:.100}")
    towers = Towers(torch.zeros(vectors.shape))
    load_weights(towers, folder)
    return towers


def dense_settings(config: Config, folder: Path) -> DenseSettings:
    """The settings of the dense ψ in `folder`. Raises: ModelError for one that is joint, or sees crop by crop."""
    if not isinstance(config.encoder, DenseSettings) or config.joint is not None:
        given = f"a {config.architecture} one with the encoder {config.kind}, {folder}"
        raise ModelError(f"training needs a dual, dense psi as its base here, got {given}")
    return config.encoder


def model_of(towers: Any) -> dict[str, Any]:
    """What `load_dense` builds the towers from: `model` of the configuration."""
    vectors = towers.text.vectors
    return {"kind": "dense", "words": vectors.num_embeddings, "word_size": vectors.embedding_dim}


def image_graph(towers: Any) -> Graph:
    """What image.onnx is made of; `towers` are `Towers`, or a module with their parts."""
    return Graph(
        ImageGraph(towers).eval(),
        example=(_noise(96, 128),),
        other=(_noise(160, 64),),
        inputs=("pixels",),
        outputs=("features",),
        dynamic_axes={"pixels": {0: "height", 1: "width"}, "features": {0: "cells"}},
        tolerance=TOLERANCE,
    )


def text_graph(towers: Any) -> Graph:
    """What text.onnx is made of; see `image_graph`."""
    words = towers.text.vectors.num_embeddings
    return Graph(
        TextGraph(towers).eval(),
        example=(torch.arange(7)[None] % (words - 1) + 1,),
        other=(torch.arange(11)[None] * 37 % (words - 1) + 1,),
        inputs=("ids",),
        outputs=("queries",),
        dynamic_axes={"ids": {1: "length"}},
        tolerance=TOLERANCE * float(towers.scale.detach()),
    )


def _noise(height: int, width: int) -> Tensor:
    """Pixels, the same every time."""
    shape = (height, width, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
