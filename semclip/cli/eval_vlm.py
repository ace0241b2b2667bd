"""`semclip eval-vlm`: how often a frozen model answers rightly, with crops and without."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semclip.cli import models, options
from semclip.cli.terminal import progress_bar, say

if TYPE_CHECKING:
    from semclip.evaluation.answers.findings import Findings
    from semclip.evaluation.answers.protocol import AnswerConfig
    from semclip.evaluation.datasets.items import Dataset

app = typer.Typer(rich_markup_mode=None)

_PIPE_COLUMNS = 240
"""Where no terminal says how wide it is, a table is as wide as it needs to be."""
_DEFAULT = ("overview", "tiles", "random", "embedded")
_STRATEGIES = (
    "NAME[/K[,GAIN]][@FUSION]; may be given several times, the first is compared with. overview, native, blind, tiles, "
    "center, random, oracle, best, best:N or a ψ; GAIN is select's --min-gain.  "
    "[default: overview, tiles, random, embedded]"
)

OrderName = Literal["shuffled", "cycled", "published", "likelihood"]
Matcher = Literal["exact", "vqa", "anls", "choice", "yes_no"]


@app.command("eval-vlm")
def eval_vlm(
    data: Annotated[list[Path], typer.Argument(help="Benchmarks in local copies, or logs of questions with answers.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the results; one that was begun goes on.")],
    vlm: models.Vlm = None,
    base_url: models.BaseUrl = None,
    model: models.Model = None,
    family: models.Family = None,
    timeout: models.Timeout = None,
    device: models.Device = None,
    dtype: models.Dtype = None,
    strategy: Annotated[list[str] | None, typer.Option(help=_STRATEGIES)] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many crops a strategy without /K shows, at most.")] = 2,
    fusion: models.Fusion = None,
    max_visual_tokens: models.MaxVisualTokens = None,
    data_format: Annotated[str, typer.Option("--format", help="What the data are written in.")] = "auto",
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures.  [default: as the format has it]")
    ] = None,
    order: Annotated[OrderName, typer.Option("--options", help="How a question's options are put.")] = "shuffled",
    matcher: Annotated[Matcher | None, typer.Option(help="What is right.  [default: the benchmark's own]")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Send the question alone: no options, no instruction.")] = False,
    blind: Annotated[bool, typer.Option("--blind", help="Ask without the picture too.")] = False,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an answer.")] = 32,
    split: options.Split = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions of each.")] = None,
    seed: Annotated[int, typer.Option(help="Of shuffled options, random crops and intervals.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts that the model reads at a time.")] = 8,
    as_json: options.AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Measure how often a frozen model answers rightly, with crops and without; a killed run goes on."""
    where = models.Source(vlm, base_url, model, family, timeout, device, dtype)
    where.check()

    from semclip.adapters.fusion import Showing
    from semclip.evaluation.answers.protocol import AnswerConfig
    from semclip.evaluation.datasets.opening import open_dataset

    showing = Showing(fusion=fusion, max_visual_tokens=max_visual_tokens)
    asked = AnswerConfig(order, seed, k, showing, max_tokens, bare, matcher=matcher, split=split)
    config = replace(asked, limit=limit, batch_size=batch_size)
    named = list(strategy or _DEFAULT)
    named += ["blind"] if blind and "blind" not in named else []
    sets = [open_dataset(path, format=data_format, images=images) for path in data]
    findings = _findings(sets, named, where, out, config)
    _write(findings, out)
    _print(findings, as_json=as_json, markdown=markdown)
    raise typer.Exit(int(bool(findings.rejected)))


def _findings(
    sets: Sequence[Dataset], named: Sequence[str], where: models.Source, out: Path, config: AnswerConfig
) -> Findings:
    from semclip.evaluation.answers import evaluation, strategies

    specs = strategies.parse_all(named)
    # What is quick to read, and may be wrong, is read before the model is loaded.
    psis = strategies.load_psis(specs)
    contest = evaluation.Contest(where.open(), specs, psis)
    with progress_bar("answers", unit="answers/s") as advance:
        return evaluation.evaluate(sets, contest, out, config=config, progress=advance)


def _write(findings: Findings, out: Path) -> None:
    from semclip.errors import InputError
    from semclip.evaluation.answers.page import write_page
    from semclip.files import write_atomic

    try:
        write_atomic(out / "findings.json", f"{json.dumps(findings.to_dict(), indent=2)}\n".encode())
    except OSError as error:
        raise InputError(f"findings need a folder that can be written, got {out}: {error.strerror or error}") from error
    write_page(out / "report.html", findings)


def _print(findings: Findings, *, as_json: bool, markdown: bool) -> None:
    for one in findings.rejected:
        say(f"{one.set}, {one.id}: {one.reason}")
    if as_json:
        typer.echo(json.dumps(findings.to_dict()))
        return
    from rich.console import Console

    from semclip.evaluation.answers.table import render_table, to_markdown

    if markdown:
        typer.echo(to_markdown(findings))
        return
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS).print(render_table(findings))
