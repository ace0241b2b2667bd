"""Trains both towers end to end: `python -m recipes.embedded.train DATA RUNS --out FILE --steps 4400`.

Needs RUNS/text (text.py), RUNS/teachers.json (teachers.py) and RUNS/scenes (render.py). Writes the running average of
the weights, every hundred steps and at the end.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from safetensors.torch import load_file
from safetensors.torch import save as pack
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from recipes.embedded import losses, pictures
from recipes.embedded.model import STRIDE, ImageTower, TextTower
from recipes.embedded.samples import SHAPES, Canvas, PixelBox, Stock, asked_canvas, mask, mosaic, pasted
from semclip.files import write_atomic

LOG = logging.getLogger(__name__)
LOGGED_STEPS = 100
BATCH = 6
MOST_TOKENS = 32
EMOJI_FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
MIXES = {
    SHAPES[0]: {
        "mosaic": 4,
        "pasted": 2,
        "chess": 4,
        "plates": 3,
        "scene_text": 4,
        "everyday": 2,
        "boxed": 3,
        "scenes": 2,
    },
    SHAPES[1]: {"receipts": 8, "mosaic": 2, "boxed": 2, "scenes": 1},
    SHAPES[2]: {"mosaic": 4, "boxed": 4, "pasted": 2},
}
"""How often each kind of canvas is drawn, by shape."""


def load_stock(data: Path, runs: Path) -> Stock:
    """All training material in memory."""
    seen = json.loads((runs / "teachers.json").read_text())
    things = {key: found["things"] for key, found in seen.items()}
    asked = {
        name: pictures.asked(data, name, things) for name in ("receipts", "scene_text", "chess", "plates", "everyday")
    }
    asked["boxed"] = pictures.boxed_photos(data, things)
    asked["scenes"] = pictures.rendered(runs / "scenes")
    fonts = sorted(p for p in Path("/usr/share/fonts/truetype").rglob("*.ttf") if "Noto" not in p.name)
    crops = pictures.scene_crops(data, seen, ("everyday", "scene_text"))
    return Stock(asked, pictures.photos(data, seen), crops, pictures.emoji(EMOJI_FONT), fonts)


class Canvases(IterableDataset[dict[str, Tensor]]):
    """Batches of canvases of one shape, endless, from a seed."""

    def __init__(self, stock: Stock, tokenizer: Tokenizer, classes: list[str], seed: int) -> None:
        self.stock, self.tokenizer, self.seed = stock, tokenizer, seed
        self.classes = {name: index for index, name in enumerate(classes)}

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        rng = Random(self.seed)
        while True:
            size = rng.choices(SHAPES, (5, 4, 2))[0]
            kinds = {kind: weight for kind, weight in MIXES[size].items() if self.stock.asked.get(kind, True)}
            drawn = rng.choices(list(kinds), list(kinds.values()), k=BATCH)
            yield self._collate([self._draw(kind, size, rng) for kind in drawn], size)

    def _draw(self, kind: str, size: tuple[int, int], rng: Random) -> Canvas:
        if kind == "mosaic":
            return mosaic(self.stock, size, rng)
        if kind == "pasted":
            group = self.stock.asked[rng.choice(("boxed", "everyday", "scene_text", "plates"))]
            return pasted(self.stock, rng.choice(group).pixels, size, rng)
        return asked_canvas(rng.choice(self.stock.asked[kind]), size, rng)

    def _collate(self, canvases: list[Canvas], size: tuple[int, int]) -> dict[str, Tensor]:
        rows = [(index, text, boxes) for index, canvas in enumerate(canvases) for text, boxes in canvas.queries]
        pieces = [(index, *piece) for index, canvas in enumerate(canvases) for piece in canvas.pieces]
        names = sorted({name for _, _, name, _ in pieces if name})
        shown = [p for p in pieces if p[2]]
        taught = [p for p in pieces if p[3]]
        return {
            "pixels": torch.from_numpy(np.stack([canvas.pixels for canvas in canvases])),
            "ids": tokens(self.tokenizer, [text for _, text, _ in rows]),
            "canvas": torch.tensor([index for index, _, _ in rows]),
            "target": torch.from_numpy(np.stack([mask(boxes, *size).ravel() for _, _, boxes in rows])),
            "names": tokens(self.tokenizer, names or ["nothing"]),
            "shown": inner_masks([p[1] for p in shown], size),
            "shown_canvas": torch.tensor([p[0] for p in shown], dtype=torch.long),
            "shown_name": torch.tensor([names.index(str(p[2])) for p in shown], dtype=torch.long),
            "taught": inner_masks([p[1] for p in taught], size),
            "taught_canvas": torch.tensor([p[0] for p in taught], dtype=torch.long),
            "taught_class": self._classes([p[3] for p in taught]),
        }

    def _classes(self, scores: list[tuple[tuple[str, float], ...]]) -> Tensor:
        target = torch.zeros(len(scores), len(self.classes))
        for row, known in enumerate(scores):
            for name, score in known:
                target[row, self.classes[name]] = score
        return target


def tokens(tokenizer: Tokenizer, texts: list[str]) -> Tensor:
    """(N, T) ids, 0 where padded."""
    rows = [tokenizer.encode(text, add_special_tokens=False).ids[:MOST_TOKENS] or [1] for text in texts]
    padded = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = torch.tensor(row)
    return padded


def inner_masks(boxes: list[PixelBox], size: tuple[int, int]) -> Tensor:
    """(M, cells) shares of the inner 80 % of each box, each row summing to 1."""
    rows = [np.zeros((0, size[0] * size[1] // STRIDE**2), np.float32)]
    for left, top, right, bottom in boxes:
        x, y = 0.1 * (right - left), 0.1 * (bottom - top)
        rows.append(mask([(left + x, top + y, right - x, bottom - y)], *size).reshape(1, -1))
    return torch.from_numpy(np.concatenate(rows))


class Towers(nn.Module):
    """Both towers and the scale between them."""

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.image, self.text = ImageTower(), TextTower(vectors)
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    @property
    def scale(self) -> Tensor:
        return self.log_scale.exp().clamp(max=40.0)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each loss counts."""

    presence: float = 1.0
    naming: float = 0.3
    teacher: float = 0.4


def loss_of(towers: Towers, batch: dict[str, Tensor], classes: Tensor, weights: Weights) -> dict[str, Tensor]:
    """Every part of the loss by name, and their weighted sum under `all`."""
    pixels = batch["pixels"].permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features = towers.image(pixels)
    features_BDC = features.float().flatten(2)
    queries, bias = towers.text(batch["ids"])
    shares = per_canvas(batch["canvas"], len(features_BDC))
    logits = towers.scale * torch.cat([q @ f for q, f in zip(queries.split(shares), features_BDC, strict=True)])
    parts = {
        "spatial": losses.spatial(logits, batch["target"]),
        "presence": losses.presence(logits + bias[:, None] - 6.0, batch["target"]),
        "naming": torch.zeros(()),
        "teacher": torch.zeros(()),
    }
    if len(batch["shown"]) > 1:
        names, _ = towers.text(batch["names"])
        target = torch.nn.functional.one_hot(batch["shown_name"], len(names)).float()
        parts["naming"] = losses.naming(
            pool(features_BDC, batch["shown"], batch["shown_canvas"]), names, target, towers.scale
        )
    if len(batch["taught"]) > 1:
        drawn = torch.randperm(len(classes))[:300]
        drawn = torch.unique(torch.cat([drawn, batch["taught_class"].sum(0).nonzero().flatten()]))
        names, _ = towers.text(classes[drawn])
        target = batch["taught_class"][:, drawn]
        target = target / target.sum(1, keepdim=True)
        parts["teacher"] = losses.naming(
            pool(features_BDC, batch["taught"], batch["taught_canvas"]), names, target, towers.scale
        )
    parts["all"] = parts["spatial"] + sum(
        getattr(weights, name) * parts[name] for name in ("presence", "naming", "teacher")
    )
    return parts


def per_canvas(canvas_N: Tensor, count: int) -> list[int]:
    """How many rows belong to each canvas; rows are in order of canvas."""
    return torch.bincount(canvas_N, minlength=count).tolist()


def pool(features_BDC: Tensor, masks_MC: Tensor, canvas_M: Tensor) -> Tensor:
    """(M, D): the mean feature under each mask."""
    groups = torch.split(masks_MC, per_canvas(canvas_M, len(features_BDC)))
    return torch.cat([masks @ features.T for masks, features in zip(groups, features_BDC, strict=True)])


def average(kept: dict[str, Tensor], module: nn.Module, decay: float) -> None:
    """Moves the kept weights towards the module's, in place."""
    for name, value in module.state_dict().items():
        if value.dtype.is_floating_point:
            kept[name].lerp_(value, 1 - decay)
        else:
            kept[name].copy_(value)


def rate(done: float, peak: float) -> float:
    """Learning rate after a share `done` of the run: a short warm-up, then a cosine to 2 %."""
    if done < 0.03:
        return peak * (0.05 + 0.95 * done / 0.03)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - 0.03) / 0.97)))


def save(weights: dict[str, Tensor], path: Path) -> None:
    """Replaces the file at once, so that a run that is killed leaves the last whole one."""
    write_atomic(path, pack({name: value.contiguous() for name, value in weights.items()}))


def share_done(step: int, passed_s: float, arguments: argparse.Namespace) -> float:
    """How much of the run is over: by steps where their number was given, else by the clock."""
    share: float = step / arguments.steps if arguments.steps else passed_s / (60 * arguments.minutes)
    return share


def fit(towers: Towers, batches: Iterator[dict[str, Tensor]], classes: Tensor, arguments: argparse.Namespace) -> None:
    """Trains for the given steps or minutes; the averaged weights are saved as it goes and at the end."""
    kept = {name: value.clone() for name, value in towers.state_dict().items()}
    optimiser = torch.optim.AdamW(towers.parameters(), weight_decay=0.05, betas=(0.9, 0.98))
    start, step = time.monotonic(), 0
    sums: Counter[str] = Counter()
    while (done := share_done(step, time.monotonic() - start, arguments)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate(done, arguments.rate)
        parts = loss_of(towers, next(batches), classes, Weights())
        optimiser.zero_grad(set_to_none=True)
        parts["all"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(towers.parameters(), 2.0)
        optimiser.step()
        step += 1
        average(kept, towers, min(0.998, step / (step + 20)))
        sums.update({name: value.item() for name, value in parts.items()})
        if step % LOGGED_STEPS == 0:
            means = " ".join(f"{name} {value / LOGGED_STEPS:.3f}" for name, value in sums.items())
            LOG.info("step %d, %.0f %% done, %s", step, 100 * done, means)
            sums.clear()
            save(kept, arguments.out)
    save(kept, arguments.out)


def main(arguments: argparse.Namespace) -> None:
    """One run, from the material on disk to the towers' weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(arguments.seed)
    tokenizer = Tokenizer.from_file(str(arguments.runs / "text" / "tokenizer.json"))
    tokenizer.no_padding()
    towers = Towers(torch.from_numpy(np.load(arguments.runs / "text" / "vectors.npy").astype(np.float32)))
    if arguments.init:
        towers.load_state_dict(load_file(arguments.init))
    towers.image.to(memory_format=torch.channels_last)
    stock = load_stock(arguments.data, arguments.runs)
    names = sorted({name for piece in [*stock.photos, *stock.crops] for name, _ in piece.classes})
    canvases = Canvases(stock, tokenizer, names, arguments.seed)
    classes = tokens(tokenizer, [name.split(",")[0] for name in names])
    fit(towers, iter(DataLoader(canvases, None, num_workers=1, prefetch_factor=4)), classes, arguments)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--steps", type=int, help="the same schedule on any machine; --minutes then does not count")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
