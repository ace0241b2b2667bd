"""A mined log and a small dense ψ, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.making import make_base, make_mined

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of twelve pictures, four of them of dev."""
    return make_mined(tmp_path_factory.mktemp("mined"), 12)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base") / "psi")
