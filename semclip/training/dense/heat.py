"""From what a network answers of a picture's cells to logits of boxes, differentiable: relevance/dense.py in torch.

Boxes are fractions of the picture or canvas, (N, 4) left, top, right, bottom. Answers are (Q, 5, H, W): of each cell
its heat, and the logs of how many cells lie between its centre and the edges of the evidence that it sees.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from semclip.relevance.dense import BLOCK, COLDEST, EDGE, FARTHEST, LEAST_SHARE, NEAREST


def place_logits(answers_Q5HW: Tensor, boxes_N4: Tensor, *, sharpness: float, size_weight: float) -> Tensor:
    """(Q, N) what dense.weigh scores: comparable within one picture."""
    shares_QM, voted_QM4 = votes(answers_Q5HW, sharpness)
    held_QN = torch.einsum("qm,qmn->qn", shares_QM, covered(voted_QM4, boxes_N4) ** EDGE)
    return (held_QN + LEAST_SHARE).log() - size_weight * _areas(boxes_N4).log()


def votes(answers_Q5HW: Tensor, sharpness: float) -> tuple[Tensor, Tensor]:
    """(Q, M) the share of the evidence in each block of cells, and (Q, M, 4) the box that it votes for."""
    heat_QHW = sharpness * answers_Q5HW[:, 0]
    weights_QHW = (heat_QHW - heat_QHW.amax((1, 2), keepdim=True)).clamp(min=COLDEST).exp()
    shares_QM1 = _blocks(weights_QHW[..., None])
    boxes_QM4 = _blocks(weights_QHW[..., None] * voted(answers_Q5HW[:, 1:])) / shares_QM1
    return shares_QM1[..., 0] / shares_QM1.sum(1), boxes_QM4


def voted(sides_Q4HW: Tensor) -> Tensor:
    """(Q, H, W, 4) the boxes that cells see."""
    height, width = sides_Q4HW.shape[2:]
    x = torch.arange(width, device=sides_Q4HW.device) + 0.5
    y = (torch.arange(height, device=sides_Q4HW.device) + 0.5)[:, None]
    left, top, right, bottom = sides_Q4HW.clamp(NEAREST, FARTHEST).exp().unbind(1)
    edges = [(x - left) / width, (y - top) / height, (x + right) / width, (y + bottom) / height]
    return torch.stack(edges, dim=3).clamp(0, 1)


def _blocks(cells_QHWC: Tensor) -> Tensor:
    """(Q, M, C) the sum over each block."""
    questions, height, width, channels = cells_QHWC.shape
    padded = F.pad(cells_QHWC, (0, 0, 0, -width % BLOCK, 0, -height % BLOCK))
    blocks = padded.reshape(questions, -(-height // BLOCK), BLOCK, -(-width // BLOCK), BLOCK, channels)
    return blocks.sum((2, 4)).flatten(1, 2)


def covered(voted_QM4: Tensor, boxes_N4: Tensor) -> Tensor:
    """(Q, M, N) the share of each voted box that lies in each box."""
    left, top, right, bottom = voted_QM4[:, :, None].unbind(-1)
    across = torch.minimum(right, boxes_N4[:, 2]) - torch.maximum(left, boxes_N4[:, 0])
    down = torch.minimum(bottom, boxes_N4[:, 3]) - torch.maximum(top, boxes_N4[:, 1])
    areas_QM1 = ((right - left) * (bottom - top)).clamp(min=1e-9)
    return across.clamp(min=0) * (down.clamp(min=0) / areas_QM1)


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
