"""The network of a dense ψ: one pass over a picture, one short pass over a question.

`ImageTower` maps (B, 3, H, W) uint8-valued pixels, sides multiples of 32, to features of every 8x8-pixel cell: `dim`
unit ones, `EXTENT` free ones, and a 1. `TextTower` maps word-piece ids to what meets them: a scaled unit query and a
bias, which give the heat, the logit that a cell shows what the question asks for; and four vectors, which tell how far
that thing reaches from the cell to each side. Knows nothing of data, boxes or training.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 8
"""Pixels a side of one cell of the feature map."""
EXTENT = 32
"""Features of a cell that tell how far things reach."""


def conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Bottleneck(nn.Module):
    """A residual block: 1x1 to half the channels, 3x3, 1x1 back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        last = nn.BatchNorm2d(channels)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(
            conv(channels, half, 1), conv(half, half, 3), nn.Conv2d(half, channels, 1, bias=False), last
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Block(nn.Module):
    """A pre-norm transformer layer, (B, T, channels) -> the same; `absent` (B, T) marks padding, read by nobody."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor, absent: Tensor | None = None) -> Tensor:
        batch, length, channels = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, channels // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mask = None if absent is None else ~absent[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, channels))
        rich: Tensor = x + self.mlp(self.norm2(x))
        return rich


class Mixer(nn.Module):
    """A transformer layer over all cells of the coarsest map, with a depthwise 3x3 as position encoding."""

    def __init__(self, channels: int, heads: int = 6) -> None:
        super().__init__()
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.block = Block(channels, heads)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.position(x)
        tokens: Tensor = self.block(x.flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).reshape(x.shape)


class Top(nn.Module):
    """The last layers: (B, inputs, h, w) -> the features of every cell."""

    def __init__(self, inputs: int, dim: int) -> None:
        super().__init__()
        self.merge = nn.Sequential(nn.ReLU(), Bottleneck(inputs))
        self.feature, self.extent = nn.Conv2d(inputs, dim, 1), nn.Conv2d(inputs, EXTENT, 1)

    def forward(self, x: Tensor) -> Tensor:
        merged = self.merge(x)
        unit = F.normalize(self.feature(merged), dim=1)
        return torch.cat([unit, self.extent(merged), torch.ones_like(unit[:, :1])], dim=1)


class Levels(NamedTuple):
    """Maps of a picture with strides of 8, 16 and 32 pixels, (B, channels, h, w)."""

    x8: Tensor
    x16: Tensor
    x32: Tensor


class ImageTower(nn.Module):
    """Pixels -> features of every cell, (B, size, H / 8, W / 8); the first `dim` are a unit vector."""

    def __init__(self, dim: int = 96, widths: tuple[int, int, int, int] = (40, 96, 192, 288), layers: int = 3) -> None:
        super().__init__()
        self.dim = dim
        c4, c8, c16, c32 = widths
        self.stem = nn.Sequential(conv(3, 24, 3, 2), conv(24, c4, 3, 2))
        self.stage8 = nn.Sequential(conv(c4, c8, 3, 2), Bottleneck(c8), Bottleneck(c8))
        self.stage16 = nn.Sequential(conv(c8, c16, 3, 2), *(Bottleneck(c16) for _ in range(4)))
        self.stage32 = nn.Sequential(conv(c16, c32, 3, 2), Bottleneck(c32), Bottleneck(c32))
        self.place = nn.Conv2d(5, c32, 1)
        self.mixers = nn.Sequential(*(Mixer(c32) for _ in range(layers)))
        self.down16 = nn.Conv2d(c32, c16, 1)
        self.merge16 = Bottleneck(c16)
        self.down8 = nn.Conv2d(c16, 2 * dim, 1)
        self.side8 = nn.Conv2d(c8, 2 * dim, 1)
        self.top = Top(2 * dim, dim)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.top(self.trunk(pixels))
        return features

    @property
    def size(self) -> int:
        """How many features a cell has."""
        return self.dim + EXTENT + 1

    def levels(self, pixels: Tensor) -> Levels:
        """What is seen at three scales, each for itself."""
        x8 = self.stage8(self.stem((pixels - 118.0) / 64.0))
        x16 = self.stage16(x8)
        return Levels(x8, x16, self.stage32(x16))

    def trunk(self, pixels: Tensor) -> Tensor:
        """(B, 2 dim, H / 8, W / 8): all but the last layers."""
        return self.merged(self.levels(pixels))

    def merged(self, levels: Levels) -> Tensor:
        """What `trunk` makes of the levels: the finest map, with what the coarser ones see of the whole picture."""
        x8, x16, x32 = levels
        x32 = self.mixers(x32 + self.place(places(x32)))
        x16 = self.merge16(x16 + F.interpolate(self.down16(x32), scale_factor=2.0, mode="nearest"))
        finest: Tensor = self.side8(x8)
        return finest + F.interpolate(self.down8(x16), scale_factor=2.0, mode="nearest")


def places(x: Tensor) -> Tensor:
    """Where each cell lies, (B, 5, H, W): x, y in -1..1, their squares, and the image's log aspect ratio."""
    batch, _, height, width = x.shape
    columns = torch.arange(width, dtype=x.dtype, device=x.device)
    rows = torch.arange(height, dtype=x.dtype, device=x.device)
    xs = ((2 * columns + 1) / width - 1)[None, :].expand(height, width)
    ys = ((2 * rows + 1) / height - 1)[:, None].expand(height, width)
    ratio = (torch.ones_like(xs) * width / height).log()
    return torch.stack([xs, ys, xs * xs, ys * ys, ratio]).expand(batch, 5, height, width)


class Query(NamedTuple):
    """What B questions ask of every cell: `unit` (B, dim), `reach` (B, 4, EXTENT) and `bias` (B,).

    `reach` times a cell's extent features is the log of how many cells lie between its centre and the left, top, right
    and bottom edge of the thing.
    """

    unit: Tensor
    reach: Tensor
    bias: Tensor

    def rows(self, scale: Tensor) -> Tensor:
        """(B, 5, dim + EXTENT + 1): times the features of a cell, its heat and the logs of the four sides."""
        heat = torch.cat([F.pad(self.unit * scale, (0, EXTENT)), self.bias[:, None]], dim=1)
        return torch.cat([heat[:, None], F.pad(self.reach, (self.unit.shape[1], 1))], dim=1)


class TextTower(nn.Module):
    """Word-piece ids (B, T), 0 where padded -> queries."""

    def __init__(self, vectors: Tensor, dim: int = 96, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        count, width = vectors.shape
        self.vectors = nn.Embedding(count, width, _weight=vectors, _freeze=True)
        self.position = nn.Parameter(torch.zeros(64, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.weigh = nn.Linear(width, 1)
        self.project = nn.Linear(width, dim)
        self.direct = nn.Linear(width, dim)
        self.reach = nn.Linear(width, 4 * EXTENT)
        self.bias = nn.Linear(width, 1)

    def hidden(self, ids: Tensor) -> Tensor:
        """(B, T, width): every word piece in its context."""
        hidden: Tensor = self.vectors(ids) + self.position[: ids.shape[1]]
        for block in self.blocks:
            hidden = block(hidden, ids == 0)
        return hidden

    def forward(self, ids: Tensor) -> Query:
        hidden = self.hidden(ids)
        share = self.weigh(hidden).squeeze(-1).masked_fill(ids == 0, -1e4).softmax(-1)
        pooled = torch.einsum("bt,btd->bd", share, hidden)
        asked = torch.einsum("bt,btd->bd", share, self.vectors(ids))
        unit = F.normalize(self.project(pooled) + self.direct(asked), dim=-1)
        return Query(unit, self.reach(pooled + asked).unflatten(-1, (4, EXTENT)), self.bias(pooled).squeeze(-1))


def scale_of(log_scale: Tensor) -> Tensor:
    """What cosines are multiplied by."""
    return log_scale.exp().clamp(max=40.0)


class Towers(nn.Module):
    """Both towers and the scale between them."""

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.image, self.text = ImageTower(), TextTower(vectors)
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    @property
    def scale(self) -> Tensor:
        return scale_of(self.log_scale)

    def ask(self, ids: Tensor) -> Tensor:
        """(B, 5, image.size) see Query.rows; float32."""
        rows: Tensor = self.text(ids).rows(self.scale).float()
        return rows
