"""Trains both towers end to end: `python -m recipes.embedded.train DATA RUNS -o FOLDER --steps 4400`.

Needs RUNS/text (text.py), RUNS/teachers.json (teachers.py), RUNS/scenes (render.py) and RUNS/pictograms
(pictograms.py). FOLDER is then a ψ; a killed run goes on from FOLDER.run, where the curves for TensorBoard are too.
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path

import numpy as np
import torch

from recipes.embedded.backbone import Backbone
from recipes.embedded.batches import MIXES, SCHOOL, SETS, Batches, load_stock
from recipes.embedded.losses import SCORING, loss, school
from recipes.embedded.measure import dev_rows, hit_rate
from recipes.embedded.module import CanvasTowers
from semclip.cli.terminal import progress_bar, say
from semclip.devices import fast_dtype
from semclip.files import save_folder
from semclip.relevance.checkpoint import Config, DenseSettings, TextSettings
from semclip.training.board import Board
from semclip.training.dense.model import STRIDE, Towers
from semclip.training.dense.module import DenseModule
from semclip.training.dense.psi import TorchDense, see
from semclip.training.dense.saving import load_dense, save_dense
from semclip.training.loop import Schedule, Work, fit, take_device
from semclip.training.runs import claimed, run_folder
from semclip.training.tokens import read_tokens

SETTINGS = DenseSettings(STRIDE, 350_000, SCORING.sharpness, SCORING.size_weight)
"""Until tune.py chooses others."""
WORDS = TextSettings(32, pad_to=None, pad_id=0, lower=False, marks=False)
EVERY = 200
"""Steps between two measurements, and between two states on disk."""


def parse(given: list[str] | None = None) -> argparse.Namespace:
    """The options of a run, from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="folder of a dense ψ to start from; else RUNS/text and chance")
    parser.add_argument(
        "--without", action="append", default=[], choices=SETS, help="a set whose questions and boxes are not used"
    )
    parser.add_argument("--steps", type=int, default=4400)
    parser.add_argument("--until", type=int, help="stop after so many steps of the schedule")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--school", action="store_true", help="teach names and looks alone")
    parser.add_argument("--no-measure", dest="measure", action="store_false", help="keep the last weights")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(given)


def schedule(arguments: argparse.Namespace) -> Schedule:
    """That of the options. A run that stops early has one pause, after its last step."""
    return Schedule(
        arguments.steps,
        rate=arguments.rate,
        precision="bf16" if fast_dtype(take_device()) is torch.bfloat16 else "no",
        every=arguments.until or EVERY,
        patience=0 if arguments.until else None,
        seed=arguments.seed,
        workers=1,
    )


def start(arguments: argparse.Namespace) -> tuple[Towers, Path]:
    """The towers before the first step, and the folder of their tokenizer."""
    if arguments.init:
        return load_dense(arguments.init), arguments.init
    torch.manual_seed(arguments.seed)
    text = arguments.runs / "text"
    return Towers(torch.from_numpy(np.load(text / "vectors.npy").astype(np.float32))), text


def main(arguments: argparse.Namespace) -> None:
    """One run, from the material on disk to the folder of a ψ."""
    with claimed(run_folder(arguments.out), vars(arguments)):
        train(arguments)


def train(arguments: argparse.Namespace) -> None:
    """The run, in a folder that is its own."""
    run = run_folder(arguments.out)
    towers, place = start(arguments)
    towers.image.to(memory_format=torch.channels_last)
    tokens = read_tokens(place, WORDS)
    rows = dev_rows(arguments.data, [name for name in SETS if name not in arguments.without])
    psi = TorchDense(DenseModule(towers, SCORING), tokens, partial(see, towers, SETTINGS.area_px))
    stock = load_stock(arguments.data, arguments.runs, without=arguments.without)
    batches = Batches(stock, tokens, arguments.seed, SCHOOL if arguments.school else MIXES)
    measure = (lambda: hit_rate(psi, rows)) if arguments.measure else None
    # Without a measurement a run cannot end before its time.
    work = Work(batches, school if arguments.school else loss, (lambda: math.nan) if arguments.until else measure)
    with progress_bar("steps", unit="steps/s") as advance:
        watch = Board(run / "tensorboard", advance, say)
        fit(CanvasTowers(towers, Backbone()).train(), work, schedule(arguments), folder=run, watch=watch)
    with save_folder(arguments.out) as folder:
        save_dense(towers, folder, config=Config(SETTINGS, WORDS), tokenizer=tokens.content)


if __name__ == "__main__":
    main(parse())
