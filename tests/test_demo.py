"""The demo, with a ψ that needs no weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.demo import QUESTIONS, main
from semclip import SemClip
from tests.fakes import ColorRelevance


def test_the_demo_writes_what_it_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path / "demo", SemClip(relevance=ColorRelevance()))
    shown = capsys.readouterr().out
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"scene.jpg", "report.html", "overlay.png"}
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    for question in QUESTIONS:
        assert question in page
        assert question in shown
