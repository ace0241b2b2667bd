"""The plugins, on their harness where it is installed and else on what contracts/ records of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture
def lmms_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield from plugged("lmms_eval", "semclip.harness.lmms_eval", monkeypatch)


@pytest.fixture
def vlmevalkit_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield from plugged("vlmeval", "semclip.harness.vlmevalkit", monkeypatch)


def plugged(harness: str, plugin: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The plugin; afterwards nothing of it or of a recorded harness stays imported."""
    recorded = find_spec(harness) is None
    if recorded:
        monkeypatch.setattr(sys, "path", [str(CONTRACTS), *sys.path])
        importlib.invalidate_caches()
    try:
        yield importlib.import_module(plugin)
    finally:
        if recorded:
            for name in [name for name in sys.modules if name == plugin or name.partition(".")[0] == harness]:
                del sys.modules[name]
