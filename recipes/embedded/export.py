"""Writes the shipped files from trained towers: `python -m recipes.embedded.export TOWERS.safetensors RUNS/text OUT`.

image.onnx and text.onnx keep their weights as float16 and compute in float32; tokenizer.json; config.json, whose
terms tune.py chooses. The exported graphs are compared with the towers before anything is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from recipes.embedded.model import STRIDE, ImageTower, TextTower
from recipes.embedded.train import MOST_TOKENS, Towers
from semclip.relevance.embedded import Config
from semclip.types import Floats

TOLERANCE = 5e-3
"""Largest difference of a unit feature between torch in float32 and the graph with float16 weights."""


class ImageGraph(nn.Module):
    """uint8 (H, W, 3) -> float16 (H / 8 * W / 8, dim), row-major."""

    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.tower(pixels.float().permute(2, 0, 1)[None])
        return features[0].flatten(1).T.half()


class TextGraph(nn.Module):
    """int64 (1, T) -> query (dim,), already multiplied by the towers' scale, and bias ()."""

    def __init__(self, tower: TextTower, scale: float, shift: float) -> None:
        super().__init__()
        self.tower, self.scale, self.shift = tower, scale, shift

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        query, bias = self.tower(ids)
        return query[0] * self.scale, bias[0] + self.shift


def fold(module: nn.Module) -> None:
    """Merges every batch norm into the convolution before it, in place."""
    for child in module.children():
        fold(child)
    if isinstance(module, nn.Sequential):
        for index, (layer, norm) in enumerate(pairwise(list(module))):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[index], module[index + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()


def halve(path: Path) -> None:
    """Stores large float32 weights as float16, each with a cast that ONNX Runtime folds on loading."""
    model = onnx.load(path)
    graph = model.graph
    for weight in list(graph.initializer):
        if weight.data_type == onnx.TensorProto.FLOAT and np.prod(weight.dims) >= 512:
            small = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{weight.name}_half")
            cast = onnx.helper.make_node("Cast", [small.name], [weight.name], to=onnx.TensorProto.FLOAT)
            graph.initializer.remove(weight)
            graph.initializer.append(small)
            graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export_image(towers: Towers, path: Path) -> None:
    """Exports and compares at a size other than the example's."""
    graph = ImageGraph(towers.image).eval()
    fold(graph)
    example = torch.randint(0, 256, (96, 128, 3), dtype=torch.uint8)
    names: dict[str, Any] = {
        "input_names": ["pixels"],
        "output_names": ["features"],
        "dynamic_axes": {"pixels": {0: "height", 1: "width"}},
    }
    torch.onnx.export(graph, (example,), str(path), dynamo=False, opset_version=17, **names)
    halve(path)
    other = torch.randint(0, 256, (160, 64, 3), dtype=torch.uint8)
    found = onnxruntime.InferenceSession(str(path)).run(None, {"pixels": other.numpy()})[0]
    _compare(graph(other).detach().numpy(), found)


def export_text(towers: Towers, path: Path) -> None:
    """Exports and compares at a length other than the example's."""
    graph = TextGraph(towers.text, float(towers.scale), -6.0).eval()
    names: dict[str, Any] = {
        "input_names": ["ids"],
        "output_names": ["query", "bias"],
        "dynamic_axes": {"ids": {1: "length"}},
    }
    torch.onnx.export(graph, (torch.randint(1, 999, (1, 7)),), str(path), dynamo=False, opset_version=17, **names)
    halve(path)
    other = torch.randint(1, 999, (1, 11))
    found = onnxruntime.InferenceSession(str(path)).run(None, {"ids": other.numpy()})[0]
    _compare(graph(other)[0].detach().numpy() / float(towers.scale), found / float(towers.scale))


def _compare(expected: Floats, found: Floats) -> None:
    worst = float(np.abs(expected.astype(np.float32) - found.astype(np.float32)).max())
    if not worst < TOLERANCE:
        raise SystemExit(f"the graph differs from the tower by {worst:.2g}, more than {TOLERANCE}")


def main(weights: Path, text: Path, out: Path) -> None:
    """Exports everything to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    vectors = torch.from_numpy(np.load(text / "vectors.npy").astype(np.float32))
    towers = Towers(vectors)
    towers.load_state_dict(load_file(weights))
    towers.eval()
    export_image(towers, out / "image.onnx")
    export_text(towers, out / "text.onnx")
    shutil.copy(text / "tokenizer.json", out / "tokenizer.json")
    config = Config(STRIDE, area_px=500_000, most_tokens=MOST_TOKENS, sharpness=1.0, size_weight=0.3)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    main(arguments.weights, arguments.text, arguments.out)
