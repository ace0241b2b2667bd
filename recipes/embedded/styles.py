"""How well a ψ names pictograms of a style it never saw: `python -m recipes.embedded.styles RUNS/pictograms PSI`.

One pictogram on a plain light ground and on a noisy one, its picture embedded once, and 100 names asked: the name is
right whose heat inside the pictogram's box is the highest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np
from PIL import Image

from recipes.embedded.icons import pictograms, style
from recipes.embedded.pictograms import HELD_OUT
from recipes.embedded.pictures import Named
from semclip import images
from semclip.evaluation.metrics import Ints, bootstrap_means, percentile_interval
from semclip.geometry import Box, Size
from semclip.relevance import checkpoint
from semclip.relevance.checkpoint import DensePsi
from semclip.relevance.dense import masses
from semclip.types import Floats, Picture, Pixels, Regions

CANVAS = Size(832, 608)
NAMES = 100
TRIALS = 300
GROUNDS = ("plain", "noisy")


class Heated(Protocol):
    """What is measured: heat over the cells of a picture."""

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions: ...
    def heat(self, question: str, regions: Regions) -> Floats: ...


def trials(pieces: Sequence[Named], chosen: Sequence[Named], seed: int = 0) -> Iterator[tuple[Named, list[str]]]:
    """Up to 300 of `chosen`, in random order, each with 100 names of `pieces`, its own first.

    No two names hold one another.
    """
    rng = Random(seed)
    for piece in rng.sample(chosen, min(TRIALS, len(chosen))):
        names = [piece.names[0]]
        for other in rng.sample(pieces, len(pieces)):
            name = other.names[0]
            if len(names) < NAMES and not any(name in kept or kept in name for kept in names):
                names.append(name)
        yield piece, names


def shown(piece: Named, ground: str, rng: Random) -> tuple[Pixels, Box]:
    """The piece, 96 to 128 px large, somewhere on a canvas; and its box."""
    long_side = rng.randint(96, 128)
    scale = long_side / max(piece.pixels.shape[:2])
    height, width = (max(1, round(side * scale)) for side in piece.pixels.shape[:2])
    x, y = rng.randint(0, CANVAS.width - width), rng.randint(0, CANVAS.height - height)
    canvas = Image.fromarray(_ground(ground, rng))
    drawn = Image.fromarray(piece.pixels).resize((width, height), Image.Resampling.BICUBIC)
    canvas.paste(drawn, (x, y), drawn)
    return np.asarray(canvas), Box(x, y, x + width, y + height)


def _ground(ground: str, rng: Random) -> Pixels:
    """One light colour, or noise of several scales in random colours."""
    if ground == "plain":
        return np.full((CANVAS.height, CANVAS.width, 3), [rng.randint(225, 255) for _ in range(3)], np.uint8)
    noise = np.random.default_rng(rng.randrange(2**32))
    layers = [
        Image.fromarray(noise.integers(0, 256, (CANVAS.height // cell, CANVAS.width // cell, 3), np.uint8))
        for cell in (2, 16, 76)
    ]
    sizes = [np.asarray(layer.resize((CANVAS.width, CANVAS.height)), np.float32) for layer in layers]
    mixed: Pixels = np.mean(sizes, axis=0).astype(np.uint8)
    return mixed


def ranks(psi: Heated, pieces: Sequence[Named], chosen: Sequence[Named], ground: str) -> Ints:
    """(trials,) how many of the other names have as much heat in the box as the right one; 0 is right."""
    rng = Random(ground)
    places = []
    for piece, names in trials(pieces, chosen):
        pixels, box = shown(piece, ground, rng)
        regions = psi.embed(images.load(pixels), [box])
        heat = np.array([masses(psi.heat(name, regions), [box], CANVAS)[0] for name in names])
        places.append(int((heat[1:] >= heat[0]).sum()))
    return np.array(places, np.intp)


def line(places: Ints) -> str:
    """Top-1 with its 95 % interval, and top-5."""
    hits = np.stack([places < 1, places < 5], axis=1).astype(float)
    low, high = percentile_interval(bootstrap_means(hits, np.arange(len(places)), seed=0))[:, 0]
    top1, top5 = hits.mean(0)
    return f"top-1 {top1:.3f} [{low:.3f}, {high:.3f}], top-5 {top5:.3f}, {len(places)} trials of {NAMES} names"


def report(psi: Heated, pieces: Sequence[Named], trained: Mapping[str, list[Named]]) -> Iterator[str]:
    """Lines for names that some trained style has, and then for the others, where there are any."""
    known = {name for group in trained.values() for piece in group for name in piece.names}
    for title, has in (("names trained on", True), ("other names", False)):
        chosen = [piece for piece in pieces if (piece.names[0] in known) == has]
        for ground in GROUNDS if chosen else ():
            yield f"{title}, {ground} ground: {line(ranks(psi, pieces, chosen, ground))}"


def main(folder: Path, weights: Path) -> None:
    """Prints the report of the ψ in a folder."""
    psi = checkpoint.load(weights)
    if not isinstance(psi, DensePsi):
        raise SystemExit(f"{weights} holds no dense ψ")
    for text in report(psi, style(folder / f"{HELD_OUT}.npz"), pictograms(folder)):
        sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.weights)
