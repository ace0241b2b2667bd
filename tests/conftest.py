"""No test reaches for a network, and none measures time: a busy machine is no failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# Read when huggingface_hub is first imported, perhaps while doctests are collected: nearer to its tests is too late.
os.environ["HF_HUB_OFFLINE"] = "1"

# In CI the same examples every time: a rare counterexample is found at a desk, not by somebody else's change.
settings.register_profile("semclip", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("semclip")


@pytest.fixture(scope="session")
def vlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the tiny model of one of tiny_vlm.FAMILY_NAMES."""
    # Imported here: torch is slow to load, and few tests need it.
    from tests.adapters import tiny_vlm

    root = tmp_path_factory.mktemp("vlms")
    return cache(lambda family: tiny_vlm.save(family, root / family))
