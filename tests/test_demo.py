"""The demo, with a ψ that needs no weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.demo import MODEL_QUESTION, QUESTIONS, main
from semclip import SemClip
from tests.fakes import ColorRelevance


def test_the_demo_writes_what_it_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path / "demo", SemClip(relevance=ColorRelevance()))
    shown = capsys.readouterr().out
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert written == {"scene.jpg", "report.html", "overlay.png", "things.jpg"}
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    for question in (*QUESTIONS, MODEL_QUESTION):
        assert question in page
        assert question in shown
