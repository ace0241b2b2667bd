"""`semclip mine`: which crops let a frozen reader find the answers of a log, as rewards to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from semclip.cli import models, options
from semclip.cli.terminal import UsageError, progress_bar

if TYPE_CHECKING:
    from semclip.mining.runners import Runner

app = typer.Typer(rich_markup_mode=None)

_READERS = "Who looks at crops: boxes, ocr, vlm:DIR, server:URL#MODEL or python:MODULE:FUNCTION."


@app.command()
def mine(
    log: Annotated[Path, typer.Argument(help="A log of questions: JSON lines, Parquet, LLaVA or Visual-CoT.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the mined rows; one that was begun goes on.")],
    reader: Annotated[str, typer.Option(help=_READERS)],
    log_format: options.LogFormat = "auto",
    images: options.Images = None,
    split: options.Split = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first rows.")] = None,
    psi: Annotated[str, typer.Option(help="What picks the crops to try first; see: semclip psi list.")] = "embedded",
    budget: Annotated[int, typer.Option(min=1, help="Passes of the reader for a row, at most.")] = 16,
    explore: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the budget for crops that the ψ would not pick.")
    ] = 0.5,
    reader_px: Annotated[
        int | None, typer.Option(min=1, help="Long side to which ocr resizes a crop.  [default: 336]")
    ] = None,
    language: Annotated[str | None, typer.Option(help="What ocr reads, as Tesseract names it.  [default: eng]")] = None,
    reward: Annotated[
        Literal["both", "answer", "likelihood"] | None,
        typer.Option(help="What vlm: goes by; server: only by answer.  [default: both]"),
    ] = None,
    fusion: models.Fusion = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the work; each loads reader and ψ.")] = 1,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="Work on the Ray cluster of RAY_ADDRESS, or a local one.")
    ] = False,
    max_pixels: options.MaxPixels = None,
    rows_per_shard: Annotated[int, typer.Option(min=1, help="Rows of the log in one Parquet file.")] = 1000,
    cache: Annotated[Path | None, typer.Option(help="Folder for rewards that jobs share.  [default: --out]")] = None,
    max_rejects: options.MaxRejects = "1%",
    as_json: options.AsJson = False,
) -> None:
    """Try crops of a log's pictures with a frozen reader, and keep what each is worth; a killed job goes on."""
    most = options.max_rejects(max_rejects)
    run = _runner(processes, on_ray=on_ray)

    from semclip.mining.job import MineConfig
    from semclip.mining.job import mine as mine_log
    from semclip.mining.store import REJECTS
    from semclip.mining.work import Work

    given: dict[str, Any] = {"reader_px": reader_px, "language": language, "reward": reward, "fusion": fusion}
    chosen = tuple((name, value) for name, value in given.items() if value is not None)
    limits = options.limits(max_pixels)
    work = Work(reader, chosen, psi=psi, budget=budget, explore=explore, cache=cache, limits=limits)
    config = MineConfig(work, log_format, images, split, limit, rows_per_shard)
    with progress_bar("rows", unit="rows/s") as advance:
        summary = mine_log(log, out, config=config, run=run, progress=advance)
    typer.echo(json.dumps(summary.to_dict()) if as_json else f"{summary}\nwritten to {out}")
    most.check(summary.rejected, summary.rows, out / REJECTS)


def _runner(processes: int, *, on_ray: bool) -> Runner:
    if on_ray and processes > 1:
        raise UsageError("mine takes --processes or --ray, not both")

    from semclip.mining import runners

    if on_ray:
        return runners.on_ray
    return runners.serial if processes == 1 else runners.Processes(processes)
