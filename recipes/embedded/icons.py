"""Pictograms for pasting, read from what pictograms.py wrote: cropped to what is seen, painted, in attribute twins.

Knows nothing of canvases.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from recipes.embedded.pictograms import HELD_OUT, MONOCHROME
from recipes.embedded.pictures import COLOURS, Named
from semclip.types import Pixels

SEEN = 16
"""Opacity (of 255) from which a pixel counts as seen."""


def pictograms(folder: Path) -> dict[str, list[Named]]:
    """The pieces of every style but the held-out one. A shape of no colour has no name with a colour in it."""
    paths = (path for path in sorted(folder.glob("*.npz")) if path.stem != HELD_OUT)
    return {path.stem: _uncoloured(style(path)) if path.stem in MONOCHROME else style(path) for path in paths}


def style(path: Path) -> list[Named]:
    """The pieces of one file."""
    with np.load(path) as arrays:
        return [
            Named(tight(pixels), (str(name),)) for pixels, name in zip(arrays["pixels"], arrays["names"], strict=True)
        ]


def _uncoloured(pieces: Sequence[Named]) -> list[Named]:
    return [piece for piece in pieces if not COLOURS.keys() & piece.names[0].split()]


def tight(pixels: Pixels) -> Pixels:
    """The part of (h, w, 4) that holds all that is seen; everything where nothing is."""
    seen = pixels[..., 3] >= SEEN
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else pixels


def pictogram(styles: dict[str, list[Named]], rng: Random) -> Named:
    """A piece of a random style; a shape of no colour in a random one."""
    name = rng.choice(list(styles))
    piece = rng.choice(styles[name])
    return painted(piece, rng) if name in MONOCHROME else piece


def painted(piece: Named, rng: Random) -> Named:
    """The piece in a random colour, called `{colour} {name}`."""
    return in_colour(piece, rng.choice(list(COLOURS)), rng)


def in_colour(piece: Named, colour: str, rng: Random) -> Named:
    """The piece in a shade of one colour; its opacity stays."""
    pixels = piece.pixels.copy()
    pixels[..., :3] = [min(255, max(0, part + rng.randint(-20, 20))) for part in COLOURS[colour]]
    return Named(pixels, tuple(f"{colour} {name}" for name in piece.names), look=piece.look)


def attribute_twins(styles: dict[str, list[Named]], rng: Random) -> list[Named]:
    """Pieces that one attribute tells apart: one shape in two or three colours, another in one or two of these.

    None without a style of shapes that have no colour.
    """
    plain = [name for name in styles if name in MONOCHROME]
    if not plain:
        return []
    pieces = styles[rng.choice(plain)]
    one = rng.choice(pieces)
    others = [piece for piece in pieces if not alike(piece.names[0], one.names[0])]
    colours = rng.sample(list(COLOURS), rng.choice((2, 3)))
    twins = [in_colour(one, colour, rng) for colour in colours]
    if others:
        other = rng.choice(others)
        twins += [in_colour(other, colour, rng) for colour in colours[: rng.choice((1, 2))]]
    return twins


def alike(one: str, other: str) -> bool:
    """Whether all words of one name are in the other, so that asking for it may mean both.

    >>> alike("cat", "black cat"), alike("red cat", "black cat")
    (True, False)
    """
    first, second = set(one.split()), set(other.split())
    return first <= second or second <= first


def turned(pixels: Pixels, long_side: float, rng: Random) -> Pixels:
    """The piece slightly rotated and stretched, so that its visible part's long side is about `long_side` px."""
    rotated = Image.fromarray(pixels).rotate(rng.gauss(0, 7), resample=Image.Resampling.BILINEAR, expand=True)
    seen = tight(np.asarray(rotated))
    scale, stretch = long_side / max(seen.shape[:2]), np.exp(rng.gauss(0, 0.08))
    width, height = (max(4, round(side)) for side in (seen.shape[1] * scale * stretch, seen.shape[0] * scale / stretch))
    return tight(np.asarray(Image.fromarray(seen).resize((width, height), Image.Resampling.BILINEAR)))
