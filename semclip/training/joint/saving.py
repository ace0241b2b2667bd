"""The joint ψ as a folder: that of its dense ψ, with the reader's weights and graph."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from semclip.files import write_atomic
from semclip.relevance.checkpoint import IMAGE, JOINT, TEXT, TOKENIZER, Config, JointSettings, write_config
from semclip.training.dense.saving import image_graph, model_of, text_graph
from semclip.training.export import Graph, export_graph, write_weights
from semclip.training.joint.model import Joint

TOLERANCE = 5e-2
"""Of a score, which is about as large as 5: torch with float32 weights against the graph with float16 ones."""


class JointGraph(nn.Module):
    """float32 (H, W, D), int64 (1, T), float32 (M, 4) and (M,) -> float32 (M,)."""

    def __init__(self, joint: Joint) -> None:
        super().__init__()
        self.joint = joint

    def forward(self, features: Tensor, ids: Tensor, boxes: Tensor, first: Tensor) -> Tensor:
        scores: Tensor = self.joint(features, ids, boxes, first)
        return scores


def save_joint(joint: Joint, folder: Path, *, config: Config, settings: JointSettings, tokenizer: bytes) -> None:
    """Nothing; `folder` then holds the ψ. `config` is that of the dense ψ beneath.

    Raises: ModelError where the graphs do not give what the module gives.
    """
    still = copy.deepcopy(joint).cpu().float().eval()
    write_weights(still, folder)
    export_graph(image_graph(still), folder / IMAGE)
    export_graph(text_graph(still), folder / TEXT)
    export_graph(_graph(still), folder / JOINT)
    write_atomic(folder / TOKENIZER, tokenizer)
    model = {**model_of(still), "kind": "joint", "reader": asdict(joint.reader.shape)}
    write_config(folder, replace(config, model=model, joint=settings, trained={}, files={}))


def _graph(joint: Joint) -> Graph:
    names = ("features", "ids", "boxes", "first")
    axes = {"features": {0: "height", 1: "width"}, "ids": {1: "length"}, "boxes": {0: "crops"}, "first": {0: "crops"}}
    return Graph(
        JointGraph(joint),
        example=_inputs(joint, height=12, width=16, length=7, crops=5),
        other=_inputs(joint, height=20, width=8, length=4, crops=3),
        inputs=names,
        outputs=("scores",),
        dynamic_axes={**axes, "scores": {0: "crops"}},
        tolerance=TOLERANCE,
    )


def _inputs(joint: Joint, *, height: int, width: int, length: int, crops: int) -> tuple[Tensor, ...]:
    """Boxes of a picture, the same every time."""
    rng = torch.Generator().manual_seed(height)
    features = nn.functional.normalize(torch.randn(height, width, joint.image.size, generator=rng), dim=-1)
    ids = torch.arange(length)[None] % (joint.text.vectors.num_embeddings - 1) + 1
    low, side = torch.rand(crops, 2, generator=rng) / 2, 0.1 + torch.rand(crops, 2, generator=rng) / 3
    return features, ids, torch.cat([low, low + side], dim=1), torch.randn(crops, generator=rng)
