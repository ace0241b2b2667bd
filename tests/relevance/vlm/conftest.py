"""The tiny models, each loaded once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from semclip.adapters.chat import ChatAdapter


@pytest.fixture(scope="session")
def adapter(vlm_folder: Callable[[str], Path]) -> Callable[[str], ChatAdapter]:
    """The adapter of the tiny model of one of tiny_vlm.FAMILY_NAMES."""
    # Imported here: collecting other tests shall stay light.
    from semclip.adapters.chat import load_chat

    return cache(lambda family: load_chat(vlm_folder(family)))
