"""Where results go: the files that were asked for, and a line on stdout for each line of a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from semclip.cli.terminal import progress_bar, say
from semclip.errors import ServerUnreachable

if TYPE_CHECKING:
    from semclip.images import Image, Limits
    from semclip.render import Reply
    from semclip.selection import Selection


def write(
    selection: Selection, out: Path | None, overlay: Path | None, report: Path | None, reply: Reply | None = None
) -> None:
    """Nothing; what was asked for is then written. `reply` is what the report tells of a model's answer."""
    if out is not None:
        selection.save(out)
    if overlay is not None:
        from semclip.render import write_overlay

        write_overlay(overlay, selection)
    if report is not None:
        from semclip.render import write_report

        write_report(report, [selection], [reply])


def print_replies(
    lines: Sequence[bytes], log: Path, reply: Callable[[Image, str], dict[str, Any]], limits: Limits
) -> None:
    """One JSON line for each of the `lines` of `log`, as soon as it is there; exit code 1 if one is an error.

    A server that cannot be reached is the last one: no further question would fare better.
    """
    from semclip.batch import answer

    failed, left = False, 0
    total = sum(bool(line.strip()) for line in lines)
    with progress_bar("questions") as advance:
        for done, row in enumerate(answer(lines, log, reply, limits=limits), start=1):
            typer.echo(json.dumps(row))
            error = row.get("error", {}).get("type")
            failed = failed or error is not None
            advance(done, total)
            if error == ServerUnreachable.__name__:
                left = total - done
                break
    if left:
        say(f"no server: lines left out at the end: {left}")
    raise typer.Exit(int(failed))
