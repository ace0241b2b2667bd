"""What a dense ψ does around its network: the input's size, and from a heat map over an image's cells to box scores.

A dense ψ asks of every cell whether it shows what the question asks for. A good crop holds much of that evidence and
little else, so a box is scored by the evidence inside it against its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from semclip.geometry import Box, Size
from semclip.types import Floats, Weighed

ALIGN_PX = 32
"""The network's coarsest stride: its input's sides are multiples of it."""
LEAST_SHARE = 1e-3
"""Evidence below which boxes are alike: a floor under the logarithm."""
BLOCK = 4
"""Cells a side of what votes together: 32 pixels of the network's input."""
EDGE = 8.0
"""A box that cuts off a tenth of the evidence holds 0.9 ** EDGE of its vote: 0.43."""
NEAREST, FARTHEST = -3.0, 6.0
"""Logs of the least and the most cells that a side may be away."""
COLDEST = -50.0
"""Log of the least weight of a cell, of the hottest one's."""


def masses(heat_HW: Floats, boxes: Sequence[Box], size: Size) -> Floats:
    """(n,) how much of the heat lies in each box of an image of `size`; cells cut by an edge count in part.

    >>> masses(np.array([[1.0, 2.0], [3.0, 4.0]]), [Box(0, 0, 10, 5), Box(5, 5, 10, 10)], Size(10, 10)).tolist()
    [3.0, 4.0]
    """
    height, width = heat_HW.shape
    summed = np.zeros((height + 1, width + 1))
    summed[1:, 1:] = heat_HW.cumsum(0).cumsum(1)
    edges = np.array([box.to_list() for box in boxes], np.float64).reshape(-1, 4)
    xs, ys = edges[:, ::2] * (width / size.width), edges[:, 1::2] * (height / size.height)
    corners = _read(summed, ys[:, [0, 0, 1, 1]], xs[:, [0, 1, 0, 1]])
    inside: Floats = corners @ np.array([1.0, -1.0, -1.0, 1.0])
    return inside


def _read(table: Floats, ys: Floats, xs: Floats) -> Floats:
    """Values between the entries of a table, bilinear."""
    top = np.clip(np.floor(ys).astype(np.intp), 0, table.shape[0] - 2)
    left = np.clip(np.floor(xs).astype(np.intp), 0, table.shape[1] - 2)
    down, right = ys - top, xs - left
    upper = table[top, left] * (1 - right) + table[top, left + 1] * right
    lower = table[top + 1, left] * (1 - right) + table[top + 1, left + 1] * right
    between: Floats = upper * (1 - down) + lower * down
    return between


def box_scores(
    heat_HW: Floats, boxes: Sequence[Box], size: Size, *, sharpness: float = 1.0, size_weight: float = 0.3
) -> Floats:
    """(n,) log of the evidence's share in each box, less `size_weight` times the log of the box's share of the image.

    The evidence is the softmax of `sharpness` times the heat over all cells. A box that holds all of it scores about 0
    at `size_weight` 0; with a larger one, a small box that holds as much evidence as a large one is worth more.
    """
    shares = np.exp(sharpness * (heat_HW - heat_HW.max()), dtype=np.float64)
    held = masses(shares / shares.sum(), boxes, size)
    areas = np.array([box.area / size.area for box in boxes])
    scores: Floats = np.log(held + LEAST_SHARE) - size_weight * np.log(areas)
    return scores


def weigh(
    answers_HW5: Floats, boxes: Sequence[Box], size: Size, *, sharpness: float = 1.0, size_weight: float = 0.3
) -> Weighed:
    """Scores as those of `box_scores`, where every cell says how far the evidence that it sees extends.

    `answers_HW5`: of each cell its heat, and the logs of how many cells lie between its centre and the left, top, right
    and bottom edge of the evidence. Every block of cells votes for the box that its cells see; a box of the
    image holds a vote by the share of the voted box that lies in it, to the power of `EDGE`: half of the evidence is no
    evidence. Added to all is the log of the probability that there is any evidence: scores compare between images.

    The blocks are the pieces of the evidence, with one that no block sees, of which every box holds `LEAST_SHARE`.
    """
    shares_M, voted_M4 = votes(answers_HW5, sharpness)
    held_MN = shares_M[:, None] * covered(voted_M4, fractions(boxes, size)) ** EDGE
    areas_N = np.array([box.area / size.area for box in boxes])
    worth_MN = np.concatenate([held_MN, np.full((1, len(boxes)), LEAST_SHARE)]) * areas_N**-size_weight
    return Weighed(np.log(worth_MN.sum(0)) + _log_there(answers_HW5[..., 0]), worth_MN)


def _log_there(heat_HW: Floats) -> float:
    """The log of the sigmoid of the log of the mean of exp(heat)."""
    most = float(heat_HW.max())
    mean = most + math.log(np.exp(heat_HW - most, dtype=np.float64).mean())
    return -float(np.logaddexp(0, -mean))


def votes(answers_HW5: Floats, sharpness: float) -> tuple[Floats, Floats]:
    """(M,) the share of the evidence in each block of BLOCK x BLOCK cells, and (M, 4) the box that it votes for.

    Shares are those of a softmax over all cells; a block's box is the mean of what its cells see, by their shares.
    Boxes are fractions of the image: left, top, right, bottom.
    """
    height, width, _ = answers_HW5.shape
    heat, sides = answers_HW5[..., 0].astype(np.float64), answers_HW5[..., 1:].astype(np.float64)
    weights = np.exp(np.maximum(sharpness * (heat - heat.max()), COLDEST))
    left, top, right, bottom = np.moveaxis(np.exp(np.clip(sides, NEAREST, FARTHEST)), 2, 0)
    y, x = np.mgrid[:height, :width] + 0.5
    edges = np.stack([(x - left) / width, (y - top) / height, (x + right) / width, (y + bottom) / height], axis=-1)
    shares = _blocks(weights[..., None])
    boxes = _blocks(weights[..., None] * np.clip(edges, 0, 1)) / shares
    return shares[:, 0] / shares.sum(), boxes


def _blocks(cells_HWC: Floats) -> Floats:
    """(M, C) the sum over each block."""
    height, width, _ = cells_HWC.shape
    over_rows = np.add.reduceat(cells_HWC, range(0, height, BLOCK), axis=0)
    sums: Floats = np.add.reduceat(over_rows, range(0, width, BLOCK), axis=1).reshape(-1, cells_HWC.shape[2])
    return sums


def covered(voted_M4: Floats, boxes_N4: Floats) -> Floats:
    """(M, N) the share of each voted box that lies in each box."""
    left, top, right, bottom = np.moveaxis(voted_M4[:, None], 2, 0)
    across = np.minimum(right, boxes_N4[:, 2]) - np.maximum(left, boxes_N4[:, 0])
    down = np.minimum(bottom, boxes_N4[:, 3]) - np.maximum(top, boxes_N4[:, 1])
    share: Floats = across.clip(min=0) * (down.clip(min=0) / ((right - left) * (bottom - top)))
    return share


def input_size(size: Size, area_px: int) -> Size:
    """The network's input for an image of `size`: about `area_px` pixels of the same shape, sides multiples of 32.

    >>> input_size(Size(4000, 3000), 500_000)
    Size(width=832, height=608)
    """
    scale = (area_px / size.area) ** 0.5
    longest = area_px // ALIGN_PX // ALIGN_PX * ALIGN_PX
    width, height = (
        min(longest, max(ALIGN_PX, round(side * scale / ALIGN_PX) * ALIGN_PX)) for side in (size.width, size.height)
    )
    return Size(width, height)


def fractions(boxes: Sequence[Box], size: Size) -> Floats:
    """(n, 4) float32: left, top, right and bottom as fractions of an image of `size`."""
    edges = np.array([box.to_list() for box in boxes], np.float32).reshape(-1, 4)
    scale = np.array([size.width, size.height] * 2, np.float32)
    return np.divide(edges, scale, dtype=np.float32)
