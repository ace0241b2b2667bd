"""A picture and a log of questions about it, as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from semclip.geometry import Box, Size
from tests.fakes import spotted


@pytest.fixture
def png(tmp_path: Path) -> Path:
    Image.fromarray(spotted(Size(80, 60), {Box(0, 0, 20, 20): (255, 0, 0)})).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def log(png: Path) -> Path:
    rows = [
        {"id": "a", "image": "photo.png", "question": "what?", "evidence": [[22, 17, 58, 43]]},
        {"id": "b", "image": "none.png", "question": "what?", "evidence": [[0, 0, 1, 1]]},
    ]
    path = png.parent / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path
