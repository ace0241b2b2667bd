"""From heat over a picture's cells to logits of boxes, differentiable: relevance/dense.py in torch.

Boxes are fractions of the picture or canvas, (N, 4) left, top, right, bottom.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from semclip.relevance.dense import LEAST_SHARE


def masses(heat_QHW: Tensor, boxes_N4: Tensor) -> Tensor:
    """(Q, N) how much of each heat lies in each box; cells cut by an edge count in part.

    >>> masses(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[0.0, 0.0, 1.0, 0.5], [0.5, 0.5, 1.0, 1.0]]))
    tensor([[3., 4.]])
    """
    _, height, width = heat_QHW.shape
    rows_NH = _overlaps(boxes_N4[:, 1], boxes_N4[:, 3], height)
    columns_NW = _overlaps(boxes_N4[:, 0], boxes_N4[:, 2], width)
    return torch.einsum("qnw,nw->qn", rows_NH @ heat_QHW, columns_NW)


def _overlaps(start_N: Tensor, end_N: Tensor, count: int) -> Tensor:
    """(N, count) the share of each of `count` equal cells that lies between start and end, in fractions of them all."""
    edges = torch.arange(count, device=start_N.device, dtype=start_N.dtype)
    low = torch.maximum(edges, count * start_N[:, None])
    high = torch.minimum(edges + 1, count * end_N[:, None])
    return (high - low).clamp(min=0)


def place_logits(heat_QHW: Tensor, boxes_N4: Tensor, *, sharpness: float, size_weight: float) -> Tensor:
    """(Q, N) what dense.box_scores gives: comparable within one picture."""
    shares = (sharpness * heat_QHW).flatten(1).softmax(1).view_as(heat_QHW)
    held = masses(shares, boxes_N4)
    return (held + LEAST_SHARE).log() - size_weight * _areas(boxes_N4).log()


def picture_logits(heat_QHW: Tensor) -> Tensor:
    """(Q,) the log of the mean of exp(heat) over all cells: whether what is asked for is there at all.

    >>> picture_logits(torch.full((1, 2, 2), 3.0))
    tensor([3.])
    """
    cells = heat_QHW.shape[1] * heat_QHW.shape[2]
    return heat_QHW.flatten(1).logsumexp(1) - math.log(cells)


def _areas(boxes_N4: Tensor) -> Tensor:
    """(N,) shares of the picture; padding boxes get a tiny one."""
    return ((boxes_N4[:, 2] - boxes_N4[:, 0]) * (boxes_N4[:, 3] - boxes_N4[:, 1])).clamp(min=1e-6)
