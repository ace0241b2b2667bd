"""A ψ of a few dozen weights as a folder, its graphs written by hand: no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from semclip.relevance.checkpoint import (
    CONFIG,
    IMAGE,
    TEXT,
    TOKENIZER,
    WEIGHTS,
    Config,
    CropSettings,
    TextSettings,
    read_config,
    write_config,
)
from semclip.relevance.checkpoint.weights import read_header

CROPS = CropSettings(8, 6, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), logit_scale=10.0, logit_bias=-1.0)
TEXTS = TextSettings(most_tokens=5, pad_to=None, pad_id=0, lower=True, marks=True)
COLORS = np.eye(3, dtype=np.float32)
# <pad> and <end> mean nothing, each color means itself.
MEANINGS = np.concatenate([np.zeros((2, 3)), np.eye(3)]).astype(np.float32)
VOCABULARY = {"<pad>": 0, "<end>": 1, "red": 2, "green": 3, "blue": 4}


def save_tiny(folder: Path, config: Config | None = None, **weights: NDArray[Any]) -> Path:
    """A ψ that knows three colors, as words and as the mean of a crop; `weights` replace its own."""
    folder.mkdir(parents=True)
    save_file({"colors": COLORS, "meanings": MEANINGS} | weights, folder / WEIGHTS)
    (folder / IMAGE).write_bytes(_image_graph(folder))
    (folder / TEXT).write_bytes(_text_graph(folder))
    _tokenizer().save(str(folder / TOKENIZER))
    write_config(folder, config or Config(CROPS, TEXTS, {"kind": "tiny"}))
    return folder


def resealed(folder: Path) -> Path:
    """The same folder; its configuration vouches for the files as they are now."""
    write_config(folder, replace(read_config(folder)))
    return folder


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def graph(nodes: list[Any], inputs: Mapping[str, Any], output: Any, weights: list[Any]) -> bytes:
    """A serialised model of the nodes, whose result is `output`."""
    infos = [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()]
    made = helper.make_graph(nodes, "tiny", infos, [helper.make_tensor_value_info("out", *output)], weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def reference(folder: Path, name: str, *, location: str = WEIGHTS) -> Any:
    """An initialiser without data that points at the tensor `name` of the folder's weights."""
    stored = read_header(folder / WEIGHTS)[name]
    kind = TensorProto.FLOAT if stored.dtype == np.float32 else TensorProto.FLOAT16
    tensor = TensorProto(name=name, data_type=kind, dims=stored.shape, data_location=TensorProto.EXTERNAL)
    where = {"location": location, "offset": stored.start, "length": stored.stop - stored.start}
    for key, value in where.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _image_graph(folder: Path, **where: str) -> bytes:
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "colors"], ["rows"]),
        helper.make_node("LpNormalization", ["rows"], ["out"], axis=-1, p=2),
    ]
    pixels = (TensorProto.UINT8, ["n", "h", "w", 3])
    return graph(nodes, {"pixels": pixels}, (TensorProto.FLOAT, ["n", 3]), [reference(folder, "colors", **where)])


def _text_graph(folder: Path) -> bytes:
    nodes = [
        helper.make_node("Gather", ["meanings", "ids"], ["words"]),
        helper.make_node("ReduceSum", ["words", "axes"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["out"], axis=-1, p=2),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [0, 1])
    ids = (TensorProto.INT64, [1, "length"])
    return graph(nodes, {"ids": ids}, (TensorProto.FLOAT, [3]), [reference(folder, "meanings"), axes])


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", 1)])
    return tokenizer
