"""`semclip train`: a ψ of one's own from mined rewards."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semclip.cli import options
from semclip.cli.terminal import UsageError, progress_bar, say

if TYPE_CHECKING:
    from semclip.training.bases import Architecture, Start, Tune

app = typer.Typer(rich_markup_mode=None)


_Base = Annotated[
    str, typer.Option(help="What it starts from: embedded, open_clip:…, hf:… or a folder of a trained ψ.")
]
_Architecture = Annotated[
    Literal["dual", "joint"],
    typer.Option(help="Question and picture apart, or a reader of both on top of a base that stays as it is."),
]
_Rerank = Annotated[
    int | None,
    typer.Option(min=0, help="Of joint: how many of the base's best boxes it reads; 0 for all.  [default: 16]"),
]
_Tune = Annotated[
    Literal["heads", "lora", "full"] | None,
    typer.Option(help="Of dual: the last layers, low-rank changes, or all weights.  [default: heads]"),
]
_SizeWeight = Annotated[
    float | None,
    typer.Option(min=0, help="Of a dense dual: how much size counts against a crop.  [default: as in the base]"),
]
_Objective = Annotated[
    Literal["infonce", "siglip"], typer.Option(help="A softmax over crops, or each crop on its own.")
]
_DevShare = Annotated[
    float, typer.Option(min=0, max=0.9, help="Of the pictures, to measure on where the log has no split dev.")
]
_Agree = Annotated[
    bool,
    typer.Option(
        "--agree", help="Count a positive only as far as the question's other crops and the base bear it out."
    ),
]


@app.command()
def train(
    mined: Annotated[list[Path], typer.Argument(help="Folders that semclip mine wrote.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the ψ; a run that was begun there goes on.")],
    base: _Base = "embedded",
    architecture: _Architecture = "dual",
    rerank: _Rerank = None,
    tune: _Tune = None,
    size_weight: _SizeWeight = None,
    objective: _Objective = "infonce",
    epochs: Annotated[int, typer.Option(min=1, help="Times that each picture is seen.")] = 20,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="In a batch.")] = 6,
    boxes: Annotated[int | None, typer.Option(min=2, help="Of a picture in a batch, at most.")] = None,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches for one step of the optimiser.")] = 1,
    precision: Annotated[Literal["no", "bf16", "fp16"], typer.Option(help="Of mixed-precision training.")] = "no",
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a better dev hit@2 before it stops.")] = 8,
    dev_share: _DevShare = 0.1,
    agree: _Agree = False,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare batches, where that takes no model.")] = 1,
    images: options.Images = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a ψ on mined rewards, by contrast between the crops of a picture and of a batch; a killed run goes on."""
    from semclip.training.board import Board
    from semclip.training.objectives import Objective
    from semclip.training.runs import TrainConfig, run_folder
    from semclip.training.runs import train as run

    config = TrainConfig(
        start=_start(base, architecture, tune=tune, rerank=rerank, size_weight=size_weight),
        objective=Objective(objective),
        epochs=epochs,
        rate=rate,
        pictures=pictures,
        boxes=boxes,
        accumulate=accumulate,
        precision=precision,
        patience=patience,
        dev_share=dev_share,
        agree=agree,
        seed=seed,
        workers=workers,
    )
    curves = run_folder(out) / "tensorboard"
    with progress_bar("steps", unit="steps/s") as advance, Board(curves, advance, say) as watch:
        facts = run(mined, out, config, images=images, watch=watch)
    if facts is not None:
        typer.echo(json.dumps(asdict(facts)) if as_json else f"{facts}\nwritten to {out}")


def _start(
    base: str, architecture: Architecture, *, tune: Tune | None, rerank: int | None, size_weight: float | None
) -> Start:
    """What training starts from. Raises: UsageError for an option of the other architecture."""
    from semclip.training.bases import Start

    if architecture == "joint" and tune is not None:
        raise UsageError("--tune is for --architecture dual: a joint psi leaves its base as it is")
    if architecture == "joint" and size_weight is not None:
        raise UsageError("--size-weight is for --architecture dual: a joint psi leaves its base as it is")
    if architecture == "dual" and rerank is not None:
        raise UsageError("--rerank is for --architecture joint")
    start = Start(base, architecture, tune or "heads", size_weight=size_weight)
    return start if rerank is None else replace(start, rerank=rerank or None)
