"""`semclip check`: which rows of a log can be used, and the log in our own format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from semclip.cli import options
from semclip.cli.terminal import CONTROL_CODES, progress_bar
from semclip.logs import BadLine, Example, Need, Tally, check_rows, open_lines, open_log, to_row
from semclip.logs.writing import Write

app = typer.Typer(rich_markup_mode=None)


@app.command()
def check(
    log: Annotated[Path, typer.Argument(help="A log of questions: JSON lines, Parquet, LLaVA or Visual-CoT.")],
    log_format: options.LogFormat = "auto",
    images: options.Images = None,
    needs: Annotated[Literal["answers", "evidence", "both"] | None, typer.Option(help="Reject rows without.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="File for the rejected rows and why, JSON lines.")] = None,
    max_rejects: options.MaxRejects = "1%",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File for the used rows, as JSON lines.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Count the rows of a log that can be used and those that cannot; say why, and convert its format."""
    limit = options.max_rejects(max_rejects)
    with _lines(out) as use:
        with progress_bar("rows") as advance, _lines(rejects) as reject:
            rows = open_log(log, format=log_format, images=images, progress=advance)
            tally = _sort(check_rows(rows, log, needs=_wanted(needs)), use, reject, folder=(out or log).parent)
        typer.echo(json.dumps(tally.to_dict()) if as_json else str(tally).translate(CONTROL_CODES))
        # Inside: a log that fails leaves no converted one behind.
        limit.check(tally.rejected, tally.rows, rejects)


def _wanted(needs: Literal["answers", "evidence", "both"] | None) -> tuple[Need, ...]:
    if needs is None:
        return ()
    return get_args(Need) if needs == "both" else (needs,)


def _sort(rows: Iterator[Example | BadLine], use: Write, reject: Write, *, folder: Path) -> Tally:
    """What the rows are, each written where it belongs."""
    tally = Tally()
    for row in rows:
        tally.add(row)
        if isinstance(row, BadLine):
            reject(row.to_dict())
        else:
            use(to_row(row, folder))
    return tally


@contextmanager
def _lines(path: Path | None) -> Iterator[Write]:
    """As `open_lines`; where no file is asked for, what is written is dropped."""
    if path is None:
        yield lambda row: None
        return
    with open_lines(path) as write:
        yield write
