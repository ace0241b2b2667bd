"""Counting what a model is really run on, and telling whether it was changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from semclip.geometry import Box, Size
from tests.fakes import ArrayPicture

QUESTION = "Where is the red car?"
BOXES = [Box(0, 0, 100, 75), Box(100, 0, 200, 75), Box(0, 75, 100, 150), Box(100, 75, 200, 150), Box(20, 20, 80, 60)]


@dataclass(frozen=True)
class Quarters:
    """Proposes the first four BOXES."""

    name: str = "quarters"

    def __call__(self, _size: Size, /) -> tuple[Box, ...]:
        return tuple(BOXES[:4])


def noise(size: Size = Size(200, 150)) -> ArrayPicture:
    return ArrayPicture(np.random.default_rng(0).integers(0, 256, (size.height, size.width, 3), np.uint8))


@contextmanager
def counted(model: Any) -> Iterator[list[int]]:
    """The rows of every forward pass over a whole prompt; steps that continue one are shorter and not counted."""
    rows: list[int] = []

    def note(_module: Any, _arguments: Any, inputs: dict[str, Any]) -> None:
        embeds = inputs["inputs_embeds"]
        if embeds.shape[1] > 1:
            rows.append(len(embeds))

    hook = model.get_decoder().register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield rows
    finally:
        hook.remove()


def state(model: Any) -> Any:
    """What a caller could see of a model: configurations, weights, mode, hooks."""
    configurations = [
        (name, id(module.config), copy.deepcopy(module.config.to_dict()), module.config._attn_implementation)
        for name, module in model.named_modules()
        if hasattr(module, "config")
    ]
    hooks = [
        (name, len(module._forward_hooks), len(module._forward_pre_hooks)) for name, module in model.named_modules()
    ]
    versions = {name: (id(value), value._version) for name, value in model.named_parameters()}
    return configurations, hooks, versions, model.training, model.generation_config.to_dict()
