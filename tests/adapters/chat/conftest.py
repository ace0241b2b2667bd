"""A tiny model in memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from semclip.adapters.chat import ChatAdapter

# The adapter is imported in the fixtures: collecting other tests shall stay light.


@pytest.fixture(scope="module")
def llava(vlm_folder: Callable[[str], Path]) -> ChatAdapter:
    from semclip.adapters.chat import load_chat

    return load_chat(vlm_folder("llava"))


@pytest.fixture
def copied(llava: ChatAdapter) -> ChatAdapter:
    """One that a test may change."""
    from semclip.adapters.chat import wrap_chat

    return wrap_chat(copy.deepcopy(llava.model), copy.deepcopy(llava.processor))
