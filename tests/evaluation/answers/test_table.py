"""Findings as tables."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from semclip.evaluation.answers.table import describe, render_table, to_markdown
from tests.evaluation.answers.making import found, spots


def test_a_terminal_shows_every_strategy_with_its_figures(tmp_path: Path) -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(render_table(found(tmp_path)))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    lines = [line.split() for line in text.splitlines()]
    assert ["spots", "overview", "6", ".00", "±.00", "100", "1"] in [line[:7] for line in lines]
    assert ["color", "6", "1.00", "±.00", "200", "1"] in [line[:6] for line in lines]
    assert any(line[:3] == ["color", "overview", "1.00"] for line in lines)


def test_markdown_has_a_row_for_each_set_and_strategy(tmp_path: Path) -> None:
    findings = found(tmp_path, spots(), spots(3), names=["overview", "color"])
    rows = [line for line in to_markdown(findings).splitlines() if line.startswith("| spots") or "pooled" in line]
    assert len(rows) == len(findings.results) + len(findings.pairs)
    assert to_markdown(findings).endswith(describe(findings))


def test_one_strategy_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    findings = found(tmp_path, names=["overview"])
    assert "against" not in to_markdown(findings)
    assert findings.fingerprint[:12] in describe(findings)
