"""Where results go: the files that were asked for, and a line on stdout for each line of a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from semclip.cli.terminal import progress_bar

if TYPE_CHECKING:
    from semclip.images import Image, Limits
    from semclip.selection import Selection


def write(selection: Selection, out: Path | None, overlay: Path | None, report: Path | None) -> None:
    """Nothing; what was asked for is then written."""
    if out is not None:
        selection.save(out)
    if overlay is not None:
        from semclip.render import write_overlay

        write_overlay(overlay, selection)
    if report is not None:
        from semclip.render import write_report

        write_report(report, [selection])


def print_replies(questions: str, reply: Callable[[Image, str], dict[str, Any]], limits: Limits) -> None:
    """One JSON line for each line of the log, as soon as it is there; exit code 1 if one is an error."""
    from semclip.batch import answer, read_lines

    failed = False
    lines = read_lines(questions)
    total = sum(bool(line.strip()) for line in lines)
    with progress_bar("questions") as advance:
        for done, row in enumerate(answer(lines, Path(questions), reply, limits=limits), start=1):
            typer.echo(json.dumps(row))
            failed = failed or "error" in row
            advance(done, total)
    raise typer.Exit(int(failed))
