"""First stage: the vision tower learns what is in each cell: `python -m benchmarks.miniature.tower FAMILY OUT`.

A small VLM that is trained end to end on answers stays at chance for very long. Dense labels say of every token of a
picture what shape, colour and text it shows; heads on the features that the language model will read are thrown away
afterwards.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.miniature.drawing import WHOLE, Window, render
from benchmarks.miniature.models import FAMILIES, GRID, SIDE_PX, WIDTH, Family, begun, build, keep, mixed_precision
from benchmarks.miniature.pixels import encode
from benchmarks.miniature.world import COLOURS, SHAPES, WORDS, Scene, draw_scene, draw_wall
from semclip.cli.terminal import progress_bar, say
from semclip.geometry import Size

KINDS_OF_THING = (*SHAPES, "sign")
TEXTS = (*map(str, range(10)), *WORDS)
NOTHING = -100
_LEGIBLE_PX = 11
"""A thing that is seen smaller than this teaches its shape and colour, not its text."""
_WARM_UP = 100
_WEIGHTS = (2.0, 0.5, 1.5)
"""Of the losses of shapes, colours and texts: colours are learnt at once, shapes last."""


class DenseHeads(nn.Module):
    """What each cell shows: one of the things or nothing, a colour, a text."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.shape = nn.Linear(WIDTH, len(KINDS_OF_THING) + 1)
        self.colour = nn.Linear(WIDTH, len(COLOURS))
        self.text = nn.Linear(WIDTH, len(TEXTS))

    def forward(self, features_BND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b, n, classes) each."""
        normed = self.norm(features_BND)
        return self.shape(normed), self.colour(normed), self.text(normed)


def features(model: Any, family: Family, pictures: list[Image.Image]) -> Tensor:
    """(b, 36, 192) what the language model would read of square pictures."""
    found = model.get_image_features(**encode(family, pictures))
    parts = found.pooler_output if hasattr(found, "pooler_output") else found
    return torch.stack(tuple(parts)) if isinstance(parts, (tuple, list)) else parts.reshape(len(pictures), -1, WIDTH)


def labels(scene: Scene, window: Window) -> Tensor:
    """(36, 3) shape, colour and text of the cells; NOTHING where there is nothing to learn."""
    found = torch.full((GRID * GRID, 3), NOTHING)
    found[:, 0] = len(KINDS_OF_THING)
    left, top, right, bottom = window
    for thing in scene.things:
        x0, y0, x1, y1 = thing.edges
        box = ((x0 - left) / (right - left), (y0 - top) / (bottom - top), (x1 - left) / (right - left))
        low_y, high_y = box[1] * GRID, (y1 - top) / (bottom - top) * GRID
        low_x, high_x = box[0] * GRID, box[2] * GRID
        whole = low_x >= -0.15 and low_y >= -0.15 and high_x <= GRID + 0.15 and high_y <= GRID + 0.15
        legible = whole and (high_y - low_y) * SIDE_PX / GRID >= _LEGIBLE_PX
        text = TEXTS.index(thing.text) if legible else NOTHING
        shape, colour = KINDS_OF_THING.index(thing.shape), list(COLOURS).index(thing.colour)
        for row, column in _cells((low_x, low_y, high_x, high_y)):
            found[row * GRID + column] = torch.tensor([shape, colour, text])
    return found


def _cells(edges: tuple[float, float, float, float]) -> Iterator[tuple[int, int]]:
    """The cells whose middle lies in a box, and the one that holds the box's own."""
    low_x, low_y, high_x, high_y = edges
    middle = int((low_y + high_y) // 2), int((low_x + high_x) // 2)
    if 0 <= middle[0] < GRID and 0 <= middle[1] < GRID:
        yield middle
    for row in range(GRID):
        for column in range(GRID):
            if low_y < row + 0.5 < high_y and low_x < column + 0.5 < high_x:
                yield row, column


def draw_window(rng: random.Random, scene: Scene) -> Window:
    """A window as crops, tiles and overviews are, near some thing more often than not."""
    side = rng.choice((0.25, 0.25, 0.25, 1 / 3, 0.5, 1.0, rng.uniform(0.2, 1.0)))
    if rng.random() < 0.7:
        thing = rng.choice(scene.things)
        x, y = (rng.uniform(at - side, at) + rng.uniform(0, 0.5) * thing.width for at in (thing.x, thing.y))
    else:
        x, y = rng.random(), rng.random()
    left, top = (min(max(0.0, at), 1 - side) for at in (x, y))
    return left, top, left + side, top + side


def batch(rng: random.Random, count: int, *, walls: float) -> tuple[list[Image.Image], Tensor]:
    """Pictures of walls, which share is given, and of windows of new scenes, and (count, 36, 3) labels."""
    pictures, known = [], []
    for _ in range(count):
        if rng.random() < walls:
            scene, window = draw_wall(rng), WHOLE
        else:
            scene = draw_scene(rng.randrange(10**9, 2 * 10**9))
            window = draw_window(rng, scene)
        pictures.append(render(scene, Size(SIDE_PX, SIDE_PX), window))
        known.append(labels(scene, window))
    return pictures, torch.stack(known)


def loss(predicted: tuple[Tensor, Tensor, Tensor], known_BN3: Tensor) -> tuple[Tensor, list[float]]:
    """Three cross-entropies, weighed, and the share of right guesses of each where there is something."""
    parts, rights = [], []
    for index, logits_BNC in enumerate(predicted):
        flat, target = logits_BNC.float().flatten(0, 1), known_BN3[..., index].flatten()
        parts.append(nn.functional.cross_entropy(flat, target, ignore_index=NOTHING))
        there = (target != NOTHING) & (target != len(KINDS_OF_THING) if index == 0 else target != NOTHING)
        rights.append(float((flat.argmax(-1) == target)[there].float().mean()))
    return torch.stack(parts) @ torch.tensor(_WEIGHTS), rights


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a stage learns, from how many examples a step, and at what peak rate.

    `until` ends it earlier; `after`, where the second stage goes on, is the number of steps that OUT/model has had.
    """

    steps: int
    size: int
    rate: float
    until: int | None = None
    after: int = 0


def train(family: Family, out: Path, plan: Plan, *, again: bool = False) -> None:
    """Trains tower and projector and keeps them in OUT/tower.pt, every 500 steps; `again`, those of OUT/model in it."""
    model, processor = build(family)
    if again:
        model.load_state_dict(begun(out))
    heads = DenseHeads()
    rng = random.Random(f"tower {family}{' again' if again else ''}")
    last = plan.until or plan.steps
    weights = [*_seeing(model, family), *heads.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=plan.rate, weight_decay=0.03, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, plan.steps, pct_start=_WARM_UP / plan.steps)
    out.mkdir(parents=True, exist_ok=True)
    recent: list[list[float]] = []
    with progress_bar("steps", unit="steps/s") as advance:
        for step in range(1, last + 1):
            walls = 0.4 if again else max(0.4, 1 - step / plan.steps)
            pictures, known = batch(rng, plan.size, walls=walls)
            with mixed_precision():
                predicted = heads(features(model, family, pictures))
            value, rights = loss(predicted, known)
            torch.autograd.backward(value)
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            recent.append(rights)
            advance(step, last)
            if step % 100 == 0:
                shape, colour, text = torch.tensor(recent[-100:]).nanmean(0).tolist()
                say(f"{family} {step}: shape {shape:.2f}, colour {colour:.2f}, text {text:.2f}")
            if step % 500 == 0 or step == last:
                torch.save(model.state_dict(), out / "tower.pt")
                if again:
                    keep(model, processor, out)


def _seeing(model: Any, family: Family) -> Iterator[nn.Parameter]:
    """The weights of the tower, and of what brings its features to the language model's width."""
    yield from (model.model.vision_tower if family == "llava" else model.model.visual).parameters()
    if family == "llava":
        yield from model.model.multi_modal_projector.parameters()


def parser(*, steps: int, size: int, rate: float) -> argparse.ArgumentParser:
    """What both stages are told, with one stage's defaults."""
    found = argparse.ArgumentParser()
    found.add_argument("family", choices=FAMILIES)
    found.add_argument("out", type=Path)
    found.add_argument("--steps", type=int, default=steps)
    found.add_argument("--size", type=int, default=size, help="examples a step")
    found.add_argument("--rate", type=float, default=rate, help="peak rate")
    found.add_argument("--until", type=int, help="stop after so many steps of the schedule")
    return found


if __name__ == "__main__":
    options = parser(steps=2600, size=32, rate=1e-3)
    options.add_argument("--again", action="store_true", help="go on with the tower of OUT/model, and keep it there")
    given = options.parse_args()
    train(given.family, given.out, Plan(given.steps, given.size, given.rate, given.until), again=given.again)
