"""`semclip eval`: how often the chosen crops hold the evidence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semclip.cli import options
from semclip.cli.terminal import progress_bar, say

if TYPE_CHECKING:
    from semclip.evaluation.report import Report

app = typer.Typer(rich_markup_mode=None)

_PIPE_COLUMNS = 240
"""Where no terminal says how wide it is, a table is as wide as it needs to be."""


@app.command("eval")
def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Logs of questions with evidence boxes, JSON lines.")],
    psi: Annotated[list[str] | None, typer.Option(help="May be given several times; the first is compared.")] = None,
    k: Annotated[str, typer.Option("-k", help="Numbers of crops.")] = "1,2,4",
    min_gain: options.MinGain = 0,
    split: options.Split = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions of each log.")] = None,
    as_json: options.AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Measure how often the chosen crops hold the evidence; no vision-language model is needed."""
    from semclip.evaluation.compare import run_eval
    from semclip.evaluation.measurement import EvalConfig
    from semclip.selection import Choice

    config = EvalConfig(ks=_numbers(k), split=split, limit=limit, choice=Choice(min_gain=min_gain))
    with progress_bar("questions") as advance:
        report = run_eval(files, psi or ["embedded"], config=config, progress=advance)
    _print(report, as_json=as_json, markdown=markdown)
    raise typer.Exit(int(bool(report.rejected)))


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"needs numbers like 1,2,4, got {text!r}") from error


def _print(report: Report, *, as_json: bool, markdown: bool) -> None:
    for one in report.rejected:
        say(f"{one.set}, {one.id}: {one.reason}")
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
        return
    from rich.console import Console

    from semclip.evaluation.table import render_table, to_markdown

    if markdown:
        typer.echo(to_markdown(report))
        return
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS).print(render_table(report))
