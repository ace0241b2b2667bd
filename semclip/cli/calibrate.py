"""`semclip calibrate`: when crops are worth their tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semclip.cli import models, options
from semclip.cli.terminal import UsageError, progress_bar, say
from semclip.errors import InputError

if TYPE_CHECKING:
    from semclip.evaluation.calibration import Calibration
    from semclip.evaluation.judges import Judge

app = typer.Typer(rich_markup_mode=None)

_FILE = "gate.json"

Out = Annotated[
    Path | None, typer.Option("-o", "--out", help=f"The gate's file.  [default: {_FILE} in a folder that --psi names]")
]


@app.command()
def calibrate(
    log: Annotated[Path, typer.Argument(help="A log of questions, JSON lines, with evidence boxes or answers.")],
    out: Out = None,
    psi: options.Psi = "embedded",
    k: Annotated[int, typer.Option("-k", min=1, help="How many crops an open gate shows, at most.")] = 2,
    split: options.Split = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions.")] = None,
    may_lose: Annotated[
        float, typer.Option(min=0, max=1, help="Share of questions that may be answered wrongly to show fewer crops.")
    ] = 0,
    legible_px: Annotated[
        float | None,
        typer.Option(min=1, help="Evidence this high and wide in the overview needs no crop; no model.  [default: 28]"),
    ] = None,
    vlm: models.Vlm = None,
    base_url: models.BaseUrl = None,
    model: models.Model = None,
    family: models.Family = None,
    timeout: models.Timeout = None,
    device: models.Device = None,
    dtype: models.Dtype = None,
    fusion: models.Fusion = None,
    max_visual_tokens: models.MaxVisualTokens = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the gate that skips crops where the overview suffices: by evidence boxes, or by asking a model."""
    path = _place(out, psi)
    where = models.Source(vlm, base_url, model, family, timeout, device, dtype)
    judge = _judge(where, models.Terms(psi, k, fusion, max_visual_tokens), legible_px=legible_px)

    from semclip.evaluation import calibration

    config = calibration.CalibrationConfig(split=split, limit=limit, may_lose=may_lose)
    with progress_bar("questions") as advance:
        found = calibration.calibrate(log, judge, config=config, progress=advance)
    _write(path, found)
    for one in found.rejected:
        say(f"{one.set}, {one.id}: {one.reason}")
    typer.echo(json.dumps(found.to_dict()) if as_json else f"{found}\nwritten to {path}")
    raise typer.Exit(int(bool(found.rejected)))


def _place(out: Path | None, psi: str) -> Path:
    folder = psi.partition(":")[2]
    if out is None and not (folder and Path(folder).is_dir()):
        raise UsageError("calibrate needs -o FILE where --psi is no folder of its own")
    return out or Path(folder) / _FILE


def _judge(where: models.Source, terms: models.Terms, *, legible_px: float | None) -> Judge:
    """Who says what is right: a model where one is named, the evidence boxes elsewhere."""
    if where.named and legible_px is not None:
        raise UsageError("--legible-px is for calibrating without a model")
    if not where.named and (terms.fusion or terms.max_visual_tokens):
        raise UsageError("--fusion and --max-visual-tokens need a model")

    from semclip.evaluation.judges import LEGIBLE_PX, AnswerJudge, EvidenceJudge
    from semclip.pipeline import SemClip
    from semclip.relevance.table import load_relevance
    from semclip.selection import Choice

    if where.named:
        where.check()
        return AnswerJudge(terms.open(where))
    return EvidenceJudge(SemClip(load_relevance(terms.psi), choice=Choice(k=terms.k)), legible_px or LEGIBLE_PX)


def _write(path: Path, found: Calibration) -> None:
    from semclip.files import write_atomic

    try:
        write_atomic(path, f"{json.dumps(found.to_dict(), indent=2)}\n".encode())
    except OSError as error:
        raise InputError(f"calibrate needs a file that can be written, got {path}: {error}") from error
