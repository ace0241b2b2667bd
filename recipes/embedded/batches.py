"""Batches of training canvases by number, from all material in memory. Knows nothing of networks and losses."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor

from recipes.embedded import icons, looks, pictures, seen
from recipes.embedded.pictures import Asked, Named
from recipes.embedded.samples import SHAPES, Canvas, PixelBox, Stock, asked_canvas, mosaic, pasted, scattered, wall
from recipes.embedded.seen import Seen
from recipes.embedded.targets import mask, targets
from semclip.training.dense.model import STRIDE
from semclip.training.learner import Batch
from semclip.training.tokens import Tokens

SETS = ("receipts", "scene_text", "chess", "plates", "everyday")
MADE = ("mosaic", "pasted", "icons", "walls")
"""Kinds of canvas that are made of pieces; the others are pictures that come with questions."""
BACKGROUNDS = ("boxed", "everyday", "scene_text", "plates")
"""Whose pictures small things are pasted on."""
CANVASES = 6
"""In a batch; fewer of a larger shape."""
NAMELESS = -1
NAMES = 100
"""Of pictograms, in a batch, beside those of its pieces."""
CLASSES = 300
"""Of the teacher's, in a batch, beside those that it sees in it."""
SHAPE_WEIGHTS = (5, 4, 2, 3)
MIXES = {
    SHAPES[0]: {
        "mosaic": 3,
        "pasted": 2,
        "icons": 3,
        "walls": 4,
        "chess": 4,
        "plates": 2,
        "scene_text": 4,
        "everyday": 6,
        "boxed": 7,
        "scenes": 2,
    },
    SHAPES[1]: {"receipts": 6, "mosaic": 2, "icons": 2, "walls": 3, "boxed": 4, "everyday": 2, "scenes": 1},
    SHAPES[2]: {"mosaic": 3, "boxed": 6, "pasted": 2, "icons": 2, "walls": 3, "everyday": 3},
    SHAPES[3]: {
        "mosaic": 3,
        "pasted": 3,
        "icons": 3,
        "walls": 3,
        "chess": 3,
        "plates": 2,
        "scene_text": 4,
        "everyday": 4,
        "boxed": 3,
        "scenes": 2,
    },
}
"""How often each kind of canvas is drawn, by shape."""
SCHOOL = {size: {"walls": 5, "mosaic": 4, "pasted": 1, "boxed": 2} for size in SHAPES}
"""As MIXES, where names are all that is taught."""


def load_stock(data: Path, runs: Path, *, without: Container[str] = ()) -> Stock:
    """All training material in memory; of the sets `without`, only what teachers see in their pictures."""
    looked = seen.read_seen(runs / "teachers.json")
    asked = load_asked(data, looked, without=without)
    asked["boxed"] = seen.boxed_photos(data, looked)
    asked["scenes"] = pictures.rendered(runs / "scenes")
    fonts = sorted(p for p in Path("/usr/share/fonts/truetype").rglob("*.ttf") if "Noto" not in p.name)
    crops = seen.scene_crops(data, looked)
    known = looks.read_looks(runs / "looks.npz")
    photos, crops = (looks.looked_at(pieces, known) for pieces in (seen.photos(data, looked), crops))
    styles = icons.pictograms(runs / "pictograms")
    return Stock(asked, photos, crops, {name: looks.looked_at(some, known) for name, some in styles.items()}, fonts)


def load_asked(data: Path, looked: Mapping[str, Seen], *, without: Container[str] = ()) -> dict[str, list[Asked]]:
    """The train pictures of every set; of those `without`, what the teachers saw is all that is known."""
    return {name: seen.asked(data, name, looked, annotated=name not in without) for name in SETS}


@dataclass(frozen=True, eq=False)
class Batches:
    """Batch `number` is a function of the seed and the number: any process makes any of them, in any order.

    Beside what module.CanvasTowers reads, it has the targets: those of targets.py for the questions; `shown` (M, C),
    `shown_canvas` (M,) and `shown_name` (M,) where pieces lie and which of `names` they have; `taught` (M, C),
    `taught_canvas` (M,) and `taught_share` (M, L) where the teacher looked and which of `classes` it saw; `looked`
    (M, C), `looked_canvas` (M,) and `look` (M, D) what a network makes of pieces, see looks.py, and `looked_name` (M,)
    which of `names` they have, or NAMELESS. A batch with fewer than two such pieces has none.
    """

    stock: Stock
    tokens: Tokens
    seed: int
    mixes: Mapping[tuple[int, int], Mapping[str, int]] = field(default_factory=lambda: MIXES)
    canvases: int = CANVASES

    def __call__(self, number: int) -> Batch:
        rng = Random(f"{self.seed} {number}")
        size = rng.choices(SHAPES, SHAPE_WEIGHTS)[0]
        kinds = {
            kind: weight for kind, weight in self.mixes[size].items() if kind in MADE or self.stock.asked.get(kind)
        }
        count = max(1, round(self.canvases * math.prod(SHAPES[0]) / math.prod(size)))
        drawn = rng.choices(list(kinds), list(kinds.values()), k=count)
        canvases = [self._draw(kind, size, rng) for kind in drawn]
        asked, names = self._asked(canvases, rng), self._names(canvases, rng)
        return asked | self._shown(canvases, names) | self._taught(canvases, rng) | _looked_at(canvases, names)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """All that the teacher sees anywhere, sorted."""
        return tuple(sorted({name for piece in (*self.stock.photos, *self.stock.crops) for name, _ in piece.classes}))

    def _draw(self, kind: str, size: tuple[int, int], rng: Random) -> Canvas:
        if kind == "mosaic":
            return mosaic(self.stock, size, rng)
        if kind == "icons":
            return scattered(self.stock, size, rng)
        if kind == "walls":
            return wall(self.stock, size, rng)
        if kind == "pasted":
            groups = [self.stock.asked[name] for name in BACKGROUNDS if self.stock.asked.get(name)]
            return pasted(self.stock, rng.choice(rng.choice(groups)).pixels, size, rng)
        return asked_canvas(rng.choice(self.stock.asked[kind]), size, rng)

    def _asked(self, canvases: Sequence[Canvas], rng: Random) -> Batch:
        rows = [(index, *query) for index, canvas in enumerate(canvases) for query in canvas.queries]
        height, width = canvases[0].pixels.shape[:2]
        return {
            "pixels": torch.from_numpy(np.stack([canvas.pixels for canvas in canvases])),
            "ids": self.tokens(*(text for _, text, _ in rows)),
            "canvas": torch.tensor([index for index, _, _ in rows]),
            **targets([boxes for _, _, boxes in rows], (height, width), rng),
        }

    @cached_property
    def called(self) -> tuple[str, ...]:
        """All that pictograms are called, sorted."""
        return tuple(sorted({name for style in self.stock.pictograms.values() for one in style for name in one.names}))

    def _names(self, canvases: Sequence[Canvas], rng: Random) -> list[str]:
        """What pieces are called, and what others are; sorted."""
        others = rng.sample(self.called, min(NAMES, len(self.called)))
        return sorted({*others, *(name for _, _, name, _ in _pieces(canvases) if name)})

    def _shown(self, canvases: Sequence[Canvas], names: Sequence[str]) -> Batch:
        pieces = [(index, box, name) for index, box, name, _ in _pieces(canvases) if name]
        if len(pieces) < 2:
            return {}
        return {
            "names": self.tokens(*names),
            "shown": inner_masks([box for _, box, _ in pieces], canvases[0]),
            "shown_canvas": torch.tensor([index for index, _, _ in pieces]),
            "shown_name": torch.tensor([names.index(name) for _, _, name in pieces]),
        }

    def _taught(self, canvases: Sequence[Canvas], rng: Random) -> Batch:
        pieces = [(index, box, dict(piece.classes)) for index, box, _, piece in _pieces(canvases) if piece.classes]
        if len(pieces) < 2:
            return {}
        drawn = rng.sample(self.classes, min(CLASSES, len(self.classes)))
        classes = sorted({*drawn, *(name for _, _, scores in pieces for name in scores)})
        shares = torch.tensor([[scores.get(name, 0.0) for name in classes] for _, _, scores in pieces])
        return {
            "classes": self.tokens(*(name.split(",")[0] for name in classes)),
            "taught": inner_masks([box for _, box, _ in pieces], canvases[0]),
            "taught_canvas": torch.tensor([index for index, _, _ in pieces]),
            "taught_share": shares / shares.sum(1, keepdim=True),
        }


def _pieces(canvases: Sequence[Canvas]) -> Iterator[tuple[int, PixelBox, str | None, Named]]:
    """Everything that was pasted: on which canvas, where, called what."""
    return ((index, *piece) for index, canvas in enumerate(canvases) for piece in canvas.pieces)


def _looked_at(canvases: Sequence[Canvas], names: Sequence[str]) -> Batch:
    pieces = [
        (index, box, names.index(name) if name else NAMELESS, piece.look)
        for index, box, name, piece in _pieces(canvases)
        if piece.look is not None
    ]
    if len(pieces) < 2:
        return {}
    return {
        "looked": inner_masks([box for _, box, _, _ in pieces], canvases[0]),
        "looked_canvas": torch.tensor([index for index, _, _, _ in pieces]),
        "looked_name": torch.tensor([name for _, _, name, _ in pieces]),
        "look": torch.from_numpy(np.stack([look for _, _, _, look in pieces])),
    }


def inner_masks(boxes: Sequence[PixelBox], canvas: Canvas) -> Tensor:
    """(M, C) shares of the inner 80 % of each box, each row summing to 1."""
    height, width = canvas.pixels.shape[:2]
    rows = [np.zeros((0, height * width // STRIDE**2), np.float32)]
    for left, top, right, bottom in boxes:
        x, y = 0.1 * (right - left), 0.1 * (bottom - top)
        rows.append(mask([(left + x, top + y, right - x, bottom - y)], height, width).reshape(1, -1))
    return torch.from_numpy(np.concatenate(rows))
