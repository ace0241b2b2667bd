"""The examples, run as a user runs them, on small models and a server on loopback."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.adapters.loopback import serving
from tests.stand_ins import answered

torch.set_num_threads(1)

QUESTION = "What number is on the bus?"


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((300, 200)).convert("RGB").save(path)
    return os.fspath(path)


def run(monkeypatch: pytest.MonkeyPatch, example: str, *words: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", [example, *map(str, words)])
    runpy.run_module(f"examples.{example}", run_name="__main__")


def test_wrap(
    photo: str, vlm_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "wrap", vlm_folder("qwen2_5_vl"), photo, QUESTION)
    alone, magnified = (line for line in capsys.readouterr().out.splitlines() if line.startswith("with "))
    assert alone.startswith("with 0 crops")
    assert magnified.startswith("with 2 crops")


def test_load(
    photo: str,
    vlm_folder: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "load", vlm_folder("llava"), photo, QUESTION, tmp_path / "overlay.png")
    assert "native resolution" in capsys.readouterr().out
    with Image.open(tmp_path / "overlay.png") as overlay:
        assert overlay.width >= 300


def test_connect(photo: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(answered) as server:
        run(monkeypatch, "connect", server.base_url, "m", photo, QUESTION, "What time?")
    assert capsys.readouterr().out == f"{QUESTION} 42\nWhat time? 42\n"
    assert [len(server.pictures(number)) for number in (0, 1)] == [3, 3]
