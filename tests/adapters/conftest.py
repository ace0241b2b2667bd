"""Processors of tiny models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.checkpoints import Load


@pytest.fixture(scope="session")
def load(vlm_folder: Callable[[str], Path]) -> Load:
    """The processor of a tiny model, made anew for each call."""
    transformers = pytest.importorskip("transformers")
    return lambda family: transformers.AutoProcessor.from_pretrained(vlm_folder(family))
