"""`semclip train`: a ψ of one's own from mined rewards."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semclip.cli import options
from semclip.cli.terminal import progress_bar, say

if TYPE_CHECKING:
    from semclip.training.card import Facts

app = typer.Typer(rich_markup_mode=None)


_Base = Annotated[
    str, typer.Option(help="What it starts from: embedded, open_clip:…, hf:… or a folder of a trained ψ.")
]
_Architecture = Annotated[
    Literal["dual", "joint"],
    typer.Option(help="Question and picture apart, or a reader of both on top of a base that stays as it is."),
]
_Rerank = Annotated[int, typer.Option(min=0, help="How many of the base's best boxes a joint ψ reads; 0 for all.")]
_Tune = Annotated[
    Literal["heads", "lora", "full"], typer.Option(help="The last layers, low-rank changes, or all weights.")
]
_Objective = Annotated[
    Literal["infonce", "siglip"], typer.Option(help="A softmax over crops, or each crop on its own.")
]
_DevShare = Annotated[
    float, typer.Option(min=0, max=0.9, help="Of the pictures, to measure on where the log has no split dev.")
]


@app.command()
def train(
    mined: Annotated[list[Path], typer.Argument(help="Folders that semclip mine wrote.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the ψ; a run that was begun there goes on.")],
    base: _Base = "embedded",
    architecture: _Architecture = "dual",
    rerank: _Rerank = 16,
    tune: _Tune = "heads",
    objective: _Objective = "infonce",
    epochs: Annotated[int | None, typer.Option(min=1, help="Times that each picture is seen.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="In a batch.")] = 6,
    boxes: Annotated[int | None, typer.Option(min=2, help="Of a picture in a batch, at most.")] = None,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches for one step of the optimiser.")] = 1,
    precision: Annotated[Literal["no", "bf16", "fp16"], typer.Option(help="Of mixed-precision training.")] = "no",
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a better dev hit@2 before it stops.")] = 8,
    dev_share: _DevShare = 0.1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare batches.")] = 1,
    images: options.Images = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a ψ on mined rewards, by contrast between the crops of a picture and of a batch; a killed run goes on."""
    from semclip.training.bases import Start
    from semclip.training.board import Board
    from semclip.training.objectives import Objective
    from semclip.training.runs import TrainConfig, run_folder
    from semclip.training.runs import train as run

    config = TrainConfig(
        start=Start(base, architecture, tune, rerank or None),
        objective=Objective(objective),
        epochs=epochs,
        rate=rate,
        pictures=pictures,
        boxes=boxes,
        accumulate=accumulate,
        precision=precision,
        patience=patience,
        dev_share=dev_share,
        seed=seed,
        workers=workers,
    )
    curves = run_folder(out) / "tensorboard"
    with progress_bar("steps", unit="steps/s") as advance, Board(curves, advance, say) as watch:
        facts = run(mined, out, config, images=images, watch=watch)
    if facts is not None:
        typer.echo(json.dumps(asdict(facts)) if as_json else f"{_told(facts)}\nwritten to {out}")


def _told(facts: Facts) -> str:
    counts = f"{facts.rows:,} questions about {facts.pictures:,} pictures"
    return "\n".join([counts, *(f"{one.name} {one.value:.3f}, of the base {one.base:.3f}" for one in facts.figures)])
