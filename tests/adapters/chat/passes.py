"""A question to two prompts, and counting what a model is really run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from semclip.types import Mixture, Prompt
from tests.adapters.asking import picture

ENSEMBLE = Mixture(tuple(Prompt((picture(seed), "What?"), tiling=False) for seed in (1, 2)), (0.6, 0.4))


@contextmanager
def counted(model: torch.nn.Module) -> Iterator[list[int]]:
    """How many rows each forward pass had."""
    rows: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _, __, inputs: rows.append(len(inputs["input_ids"])), with_kwargs=True
    )
    try:
        yield rows
    finally:
        hook.remove()
