"""Both towers as the loop runs them: a batch of canvases goes in, features and queries come out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from semclip.training.dense.model import Levels, Towers
from semclip.training.learner import Batch


class Read(NamedTuple):
    """What the towers make of a batch.

    `features` (B, D, h, w): of every cell of every canvas. `queries` (Q, 5, D): of the questions. `names` (K, D) and
    `classes` (L, D): what gives the heat of what pieces are called, and of the teacher's classes; None where the batch
    has no such pieces. `maps`: pairs (B, c, h, w) of what the image tower guesses that a trained network sees in every
    other canvas, and of what it sees.
    """

    features: Tensor
    queries: Tensor
    names: Tensor | None
    classes: Tensor | None
    maps: tuple[tuple[Tensor, Tensor], ...] = ()


class Seer(Protocol):
    """What the image tower learns to foresee: maps of a picture with strides of 8, 16 and 32 pixels."""

    @property
    def channels(self) -> tuple[int, int, int]: ...
    def __call__(self, pixels: Tensor, /) -> tuple[Tensor, ...]: ...


class CanvasTowers(nn.Module):
    """Reads `pixels` (B, H, W, 3) uint8 and `ids` (Q, T), and `names` (K, T) and `classes` (L, T) where there are any.

    Unlike DenseModule it trains the batch norms too: their statistics are those of the canvases.
    """

    def __init__(self, towers: Towers, teacher: Seer | None = None) -> None:
        super().__init__()
        self.towers, self.teacher = towers, teacher
        image = towers.image
        inputs = (image.side8.in_channels, image.down8.in_channels, image.down16.in_channels)
        outputs = teacher.channels if teacher else ()
        self.heads = nn.ModuleList(nn.Conv2d(*sides, 1) for sides in zip(inputs, outputs, strict=False))

    def forward(self, batch: Batch) -> Read:
        pixels = batch["pixels"].permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        image = self.towers.image
        levels = image.levels(pixels)
        features = image.top(image.merged(levels)).float()
        maps = self._maps(pixels, levels)
        # The text side is small: nothing is won by fewer bits.
        with torch.autocast(pixels.device.type, enabled=False):
            names, classes = (
                self.towers.ask(batch[key])[:, 0] if key in batch else None for key in ("names", "classes")
            )
            return Read(features, self.towers.ask(batch["ids"]), names, classes, maps)

    def _maps(self, pixels: Tensor, levels: Levels) -> tuple[tuple[Tensor, Tensor], ...]:
        if self.teacher is None:
            return ()
        pairs = zip(self.heads, levels, self.teacher(pixels[::2]), strict=True)
        return tuple((head(level[::2]).float(), seen.float()) for head, level, seen in pairs)
