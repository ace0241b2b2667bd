"""A small encoder that reads the question together with each crop, after the towers of a dense ψ have seen the picture.

A crop's vision tokens are what the picture's one dense pass left in it, pooled to a grid that reaches beyond the crop's
edges: seen once, compressed once, read with any question (the idea of EDJE; the cross-attention to the question is
TIE's). The reader adds to the score that the towers gave; at first it adds nothing. Boxes are fractions of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semclip.training.dense.model import Towers, scale_of


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a reader is. `grid` x `grid` tokens a crop, which span `reach` times its sides."""

    grid: int = 6
    reach: float = 1.5
    dim: int = 96
    layers: int = 2
    heads: int = 4


class Layer(nn.Module):
    """Pre-norm: vision tokens attend to each other, then to the question's, then go through an MLP."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))
        self.own, self.own_out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ask, self.told, self.ask_out = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x_BLD: Tensor, words_BTD: Tensor, absent_BT: Tensor) -> Tensor:
        first, second, third = self.norms
        query, key, value = self.own(first(x_BLD)).chunk(3, dim=-1)
        x_BLD = x_BLD + self.own_out(self._attend(query, key, value, None))
        key, value = self.told(words_BTD).chunk(2, dim=-1)
        x_BLD = x_BLD + self.ask_out(self._attend(self.ask(second(x_BLD)), key, value, absent_BT))
        rich: Tensor = x_BLD + self.mlp(third(x_BLD))
        return rich

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, absent_BT: Tensor | None) -> Tensor:
        batch, length, dim = query.shape
        split = (batch, -1, self.heads, dim // self.heads)
        query, key, value = (part.reshape(split).transpose(1, 2) for part in (query, key, value))
        mask = None if absent_BT is None else ~absent_BT[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(1, 2).reshape(batch, length, dim)


class JointReader(nn.Module):
    """What a question makes of each crop's tokens: a number to add to the crop's score."""

    def __init__(self, features: int, words: int, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.see = nn.Linear(features + 3, shape.dim)
        self.place = nn.Parameter(torch.zeros(shape.grid**2, shape.dim))
        self.about = nn.Linear(7, shape.dim)
        self.hear = nn.Linear(words, shape.dim)
        self.layers = nn.ModuleList(Layer(shape.dim, shape.heads) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.dim)
        self.judge = nn.Linear(shape.dim, 1)
        nn.init.zeros_(self.judge.weight)
        nn.init.zeros_(self.judge.bias)

    def forward(self, tokens_QMLC: Tensor, about_QM7: Tensor, words_QTD: Tensor, absent_QT: Tensor) -> Tensor:
        """(Q, M) of M crops for each of Q questions; see `tokens_of` and `about_boxes` for what they are given as."""
        questions, crops = tokens_QMLC.shape[:2]
        vision = self.see(tokens_QMLC) + self.place
        x = torch.cat([self.about(about_QM7)[:, :, None], vision], dim=2).flatten(0, 1)
        words = self.hear(words_QTD)[:, None].expand(-1, crops, -1, -1).flatten(0, 1)
        absent = absent_QT[:, None].expand(-1, crops, -1).flatten(0, 1)
        for layer in self.layers:
            x = layer(x, words, absent)
        added: Tensor = self.judge(self.norm(x[:, 0])).reshape(questions, crops)
        return added


def tokens_of(features_HWC: Tensor, heat_HW: Tensor, boxes_M4: Tensor, shape: Shape) -> Tensor:
    """(M, grid * grid, C + 3): means of features and of heat, the log of the evidence held, and what is in the picture.

    Heat counts against the hottest cell; the evidence is the softmax of heat over all cells. Beyond the picture's edge
    all is 0.
    """
    height, width, _ = features_HWC.shape
    hot_HW = (heat_HW - heat_HW.amax()).clamp(min=-20)
    share_HW = hot_HW.exp() / hot_HW.exp().sum()
    map_HWC = torch.cat([features_HWC, (hot_HW / 10)[..., None], share_HW[..., None]], dim=-1)
    rows_MGH = _shares(boxes_M4[:, 1], boxes_M4[:, 3], height, shape)
    columns_MGW = _shares(boxes_M4[:, 0], boxes_M4[:, 2], width, shape)
    crops, grid = boxes_M4.shape[0], shape.grid
    strips = (rows_MGH.flatten(0, 1) @ map_HWC.flatten(1)).reshape(crops, grid, width, -1)
    pooled_MGGC = torch.einsum("mkw,mgwc->mgkc", columns_MGW, strips)
    seen_MGG = rows_MGH.sum(-1)[:, :, None] * columns_MGW.sum(-1)[:, None]
    cells_M = height * width * _areas(boxes_M4) * (shape.reach / grid) ** 2
    held_MGG = ((pooled_MGGC[..., -1] * cells_M[:, None, None]) + 1e-4).log() / 5
    return torch.cat([pooled_MGGC[..., :-1], held_MGG[..., None], seen_MGG[..., None]], dim=-1).flatten(1, 2)


def _shares(start_M: Tensor, end_M: Tensor, count: int, shape: Shape) -> Tensor:
    """(M, grid, count) the weight of each of `count` cells in each of a crop's `grid` strips: a mean over the strip."""
    margin_M = (end_M - start_M) * (shape.reach - 1) / 2
    step_M = (end_M - start_M) * shape.reach / shape.grid
    places_G = torch.arange(shape.grid, dtype=start_M.dtype, device=start_M.device)
    low_MG = (start_M - margin_M)[:, None] + step_M[:, None] * places_G
    cells = torch.arange(count, dtype=start_M.dtype, device=start_M.device)
    low = torch.maximum(cells, count * low_MG[..., None])
    high = torch.minimum(cells + 1, count * (low_MG + step_M[:, None])[..., None])
    return (high - low).clamp(min=0) / (count * step_M)[:, None, None]


def about_boxes(boxes_M4: Tensor, first_M: Tensor) -> Tensor:
    """(M, 7): centre, sides, log area, and the first score against the best one's and as it is."""
    center, sides = (boxes_M4[:, 2:] + boxes_M4[:, :2]) / 2, boxes_M4[:, 2:] - boxes_M4[:, :2]
    scores = torch.stack([_areas(boxes_M4).log(), first_M - first_M.amax(), first_M], dim=1)
    return torch.cat([center, sides, scores], dim=1)


def _areas(boxes_M4: Tensor) -> Tensor:
    """(M,) shares of the picture."""
    return ((boxes_M4[:, 2] - boxes_M4[:, 0]) * (boxes_M4[:, 3] - boxes_M4[:, 1])).clamp(min=1e-6)


class Joint(nn.Module):
    """The towers of a dense ψ, under the names that they have there, and a reader of what they saw."""

    def __init__(self, towers: Towers, shape: Shape) -> None:
        super().__init__()
        self.image, self.text, self.log_scale = towers.image, towers.text, towers.log_scale
        self.reader = JointReader(towers.image.size, towers.text.vectors.embedding_dim, shape)

    @property
    def scale(self) -> Tensor:
        return scale_of(self.log_scale)

    def forward(self, features_HWC: Tensor, ids_1T: Tensor, boxes_M4: Tensor, first_M: Tensor) -> Tensor:
        """(M,) scores of crops of one picture for one question; `first_M` are the towers' own."""
        heat_HW = features_HWC @ self.text(ids_1T).rows(self.scale)[0, 0]
        tokens = tokens_of(features_HWC, heat_HW, boxes_M4, self.reader.shape)
        about = about_boxes(boxes_M4, first_M)
        added = self.reader(tokens[None], about[None], self.text.hidden(ids_1T), ids_1T == 0)
        total: Tensor = first_M + added[0]
        return total
