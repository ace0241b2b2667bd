"""What a network makes of pieces: each is shown as it is, and known again by its pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from recipes.embedded.looks import (
    GROUND,
    LOOK,
    SIDE_PX,
    digest,
    looked_at,
    looks,
    read_looks,
    scatter,
    shown,
    telling,
    write_looks,
)
from recipes.embedded.pictures import Named
from semclip.types import Pixels


def plain(level: int, *, channels: int = 3, width: int = 40) -> Named:
    pixels: Pixels = np.full((20, width, channels), level, np.uint8)
    return Named(pixels, ("a thing",))


def brightness(pixels: Tensor) -> Tensor:
    """(N, 2): of the picture, and of its left half."""
    return torch.stack([pixels.mean((1, 2, 3)), pixels[..., : SIDE_PX // 2].mean((1, 2, 3))], dim=1)


def test_a_photo_fills_the_square_and_a_pictogram_lies_in_its_middle() -> None:
    assert (shown(plain(70)) == 70).all()
    pictogram = plain(255, channels=4)
    pictogram.pixels[..., :3] = 70
    seen = shown(pictogram)
    assert seen.shape == (SIDE_PX, SIDE_PX, 3)
    assert (seen[0] == GROUND).all()
    ys, xs = np.nonzero((seen == 70).all(-1))
    assert np.ptp(xs) > 1.9 * np.ptp(ys)
    assert abs(xs.mean() - SIDE_PX / 2) < 2 > abs(ys.mean() - SIDE_PX / 2)


def test_looks_are_deviations_from_the_mean_of_their_group() -> None:
    seen = looks([plain(level) for level in (10, 60, 110)], brightness)
    assert np.allclose(seen.mean(0), 0, atol=1e-5)
    assert (np.diff(seen[:, 0]) > 0.5).all()


def test_axes_tell_names_apart_and_leave_out_what_differs_within_them() -> None:
    rng = np.random.default_rng(0)
    rows = {str(number): row for number, row in enumerate(rng.normal(size=(200, LOOK + 6)))}
    pieces = []
    for number, row in enumerate(rows.values()):
        row[:2] *= 30  # differs most, and says nothing of the name
        row[3] = 8 * (number % 4) + rng.normal()
        pieces.append(Named(plain(0).pixels, (f"thing {number % 4}",)))
    known = dict(zip(map(digest, (piece.pixels for piece in marked(pieces))), rows.values(), strict=True))
    axes = telling([scatter(marked(pieces), known)])
    assert axes.shape == (LOOK + 6, LOOK)
    assert np.abs(axes[:, 0]).argmax() == 3
    assert np.abs(axes[:2, 0]).max() < 0.05 * abs(axes[3, 0])


def marked(pieces: list[Named]) -> list[Named]:
    """The pieces, each with other pixels."""
    return [replace(piece, pixels=np.full((1, 1, 3), n, np.uint8)) for n, piece in enumerate(pieces)]


def test_a_piece_is_known_again_by_its_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photos, first, second = ([noise(rng, f"thing {n % 3}") for n in range(count)] for count in (30, 9, 6))
    write_looks(tmp_path / "looks.npz", [*photos, photos[0]], [first, second], colours)
    known = read_looks(tmp_path / "looks.npz")
    assert len(known) == 45
    one, stranger = looked_at([replace(photos[7], names=("kept",)), noise(rng, "new")], known)
    assert stranger.look is None
    assert one.names == ("kept",)
    assert one.look is not None
    assert one.look.shape == (LOOK,)
    assert np.linalg.norm(one.look) == pytest.approx(1, abs=1e-3)


def noise(rng: np.random.Generator, name: str) -> Named:
    return Named(rng.integers(0, 256, (4, 24, 3), np.uint8), (name,))


def colours(pixels: Tensor) -> Tensor:
    """(N, 72): of parts of the picture."""
    return F.adaptive_avg_pool2d(pixels, (4, 6)).flatten(1)
