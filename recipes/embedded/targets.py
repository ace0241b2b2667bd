"""What a canvas's questions ask of the network: where heat belongs, which windows to choose, what cells vote for.

Boxes are in pixels in what is given, and fractions of the canvas in what comes back: left, top, right, bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.embedded.samples import PixelBox
from semclip.evaluation.metrics import HIT_PARTS, TIGHT_PARTS
from semclip.geometry import Size
from semclip.mining.readers.boxes import HIT, TIGHT
from semclip.proposals import pyramid
from semclip.relevance.dense import covered, fractions
from semclip.training.dense.model import STRIDE
from semclip.training.learner import Batch
from semclip.types import Floats

COVERAGE = 0.9
"""Of a piece of evidence, that a hit shows: see evaluation.metrics.hit_mask, which counts in whole pixels."""
VOTERS = 24
"""Cells of a question that are told what to vote for."""


def targets(evidence: Sequence[Sequence[PixelBox]], size: tuple[int, int], rng: Random) -> Batch:
    """The targets of Q questions about canvases of `size` (height, width), each with its boxes of evidence.

    `target` (Q, C): the evidence over the cells of the canvas. `windows` (N, 4) and `reward` (Q, N). `voter_row` (V,),
    `voter_cell` (V,) and `voter_box` (V, 4): see `voters`.
    """
    height, width = size
    sides = np.array([width, height] * 2, np.float32)
    boxes = [np.array(some, np.float32).reshape(-1, 4) / sides for some in evidence]
    windows = drawn_windows(rng)
    return {
        "target": torch.from_numpy(np.stack([mask(some, height, width).ravel() for some in evidence])),
        "windows": torch.from_numpy(windows),
        "reward": torch.from_numpy(np.stack([rewards(some, windows) for some in boxes])),
        **voters(boxes, (height // STRIDE, width // STRIDE), rng),
    }


def mask(boxes: Sequence[PixelBox], height: int, width: int) -> NDArray[np.float32]:
    """The share of every cell that the boxes cover, each box weighing the same; sums to 1, or 0 without boxes.

    >>> mask([(0, 0, 8, 4)], 16, 16)
    array([[1., 0.],
           [0., 0.]], dtype=float32)
    """
    total = np.zeros((height // STRIDE, width // STRIDE), np.float32)
    for left, top, right, bottom in boxes:
        part = _overlap(top, bottom, height)[:, None] * _overlap(left, right, width)[None, :]
        if part.sum() > 0:
            total += part / part.sum()
    total /= max(total.sum(), 1e-9)
    return total


def _overlap(start: float, end: float, length: int) -> NDArray[np.float32]:
    edges = np.arange(0, length, STRIDE, dtype=np.float32)
    lengths = np.minimum(edges + STRIDE, end) - np.maximum(edges, start)
    shares: NDArray[np.float32] = (lengths.clip(min=0) / STRIDE).astype(np.float32)
    return shares


def drawn_windows(rng: Random) -> Floats:
    """(N, 4) half of the pyramid's, each moved and made a little smaller."""
    size = Size(10_000, 10_000)
    boxes = fractions(pyramid(size), size)
    boxes = boxes[rng.sample(range(len(boxes)), len(boxes) // 2)]
    chance = np.random.default_rng(rng.getrandbits(64))
    center, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    # Never larger: a close-up stays one.
    half = half * np.exp(-np.abs(chance.normal(0, 0.1, half.shape)))
    center = center + chance.normal(0, 0.15, half.shape) * half
    drawn: Floats = np.clip(np.concatenate([center - half, center + half], axis=1), 0, 1).astype(np.float32)
    return drawn


def rewards(evidence: Floats, windows: Floats) -> Floats:
    """(N,) what `semclip mine --reader boxes` pays for each window: for a hit, more for a close-up."""
    areas = (windows[:, 2:] - windows[:, :2]).prod(1)
    hit = (covered(evidence, windows) >= COVERAGE).any(0)
    paid = np.where(areas <= 1 / TIGHT_PARTS**2, TIGHT, np.where(areas <= 1 / HIT_PARTS**2, HIT, 0))
    each: Floats = (hit * paid).astype(np.float32)
    return each


def voters(evidence: Sequence[Floats], grid: tuple[int, int], rng: Random) -> Batch:
    """Cells whose centre lies in evidence: `voter_row` (V,) of which question, `voter_cell` (V,), `voter_box` (V, 4).

    Where boxes overlap, the smallest counts. At most VOTERS cells a question, drawn at random.
    """
    height, width = grid
    rows = []
    for row, boxes in enumerate(evidence):
        owner = np.full(grid, -1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        for index in np.argsort(-areas, kind="stable"):
            left, top, right, bottom = boxes[index] * [width, height, width, height]
            # At least the cell that holds the middle.
            x, y = int((left + right) / 2), int((top + bottom) / 2)
            low, high = (min(x, round(left)), min(y, round(top))), (max(x + 1, round(right)), max(y + 1, round(bottom)))
            owner[low[1] : high[1], low[0] : high[0]] = index
        inside = np.flatnonzero(owner.ravel() >= 0).tolist()
        drawn = rng.sample(inside, min(VOTERS, len(inside)))
        rows += [(row, cell, boxes[owner.flat[cell]]) for cell in drawn]
    return {
        "voter_row": torch.tensor([row for row, _, _ in rows], dtype=torch.long),
        "voter_cell": torch.tensor([cell for _, cell, _ in rows], dtype=torch.long),
        "voter_box": torch.from_numpy(np.array([box for _, _, box in rows], np.float32).reshape(-1, 4)),
    }
