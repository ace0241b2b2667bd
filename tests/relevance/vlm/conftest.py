"""The tiny models, each saved and loaded once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from semclip.adapters.chat import ChatAdapter


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ChatAdapter]:
    """The adapter of the tiny model of one of tiny_vlm.FAMILY_NAMES."""
    # Imported here: collecting other tests shall stay light.
    from semclip.adapters.chat import load_chat
    from tests.adapters import tiny_vlm

    root = tmp_path_factory.mktemp("vlms")
    return cache(lambda family: load_chat(tiny_vlm.save(family, root / family)))
