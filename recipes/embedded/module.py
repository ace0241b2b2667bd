"""Both towers as the loop runs them: a batch of canvases goes in, features and queries come out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from semclip.training.dense.model import Towers
from semclip.training.learner import Batch


class Read(NamedTuple):
    """What the towers make of a batch.

    `features` (B, D, h, w): of every cell of every canvas; the first d are unit. `queries` (Q, 5, D): of the questions.
    `scale` (): between unit features and unit queries. `names` (K, d) and `classes` (L, d): unit queries of what pieces
    are called, and of the teacher's classes; None where the batch has no such pieces. `looks`: pairs (B, c, h, w) of
    what the image tower makes of its maps and of what a teacher sees there; every other canvas.
    """

    features: Tensor
    queries: Tensor
    scale: Tensor
    names: Tensor | None
    classes: Tensor | None
    looks: tuple[tuple[Tensor, Tensor], ...] = ()


class Seer(Protocol):
    """What the image tower learns to foresee: maps of a picture with strides of 16 and 32 pixels."""

    @property
    def channels(self) -> tuple[int, int]: ...
    def __call__(self, pixels: Tensor, /) -> tuple[Tensor, ...]: ...


class CanvasTowers(nn.Module):
    """Reads `pixels` (B, H, W, 3) uint8 and `ids` (Q, T), and `names` (K, T) and `classes` (L, T) where there are any.

    Unlike DenseModule it trains the batch norms too: their statistics are those of the canvases.
    """

    def __init__(self, towers: Towers, teacher: Seer | None = None) -> None:
        super().__init__()
        self.towers, self.teacher = towers, teacher
        inputs = (towers.image.down8.in_channels, towers.image.down16.in_channels)
        outputs = teacher.channels if teacher else ()
        self.heads = nn.ModuleList(nn.Conv2d(*sides, 1) for sides in zip(inputs, outputs, strict=False))

    def forward(self, batch: Batch) -> Read:
        pixels = batch["pixels"].permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        image = self.towers.image
        levels = image.levels(pixels)
        features = image.top(image.merged(levels)).float()
        looks = self._looks(pixels[::2], levels.x16[::2], levels.x32[::2])
        # The text side is small: nothing is won by fewer bits.
        with torch.autocast(pixels.device.type, enabled=False):
            names, classes = (
                self.towers.text(batch[key]).unit if key in batch else None for key in ("names", "classes")
            )
            return Read(features, self.towers.ask(batch["ids"]), self.towers.scale, names, classes, looks)

    def _looks(self, pixels: Tensor, *levels: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        if self.teacher is None:
            return ()
        maps = zip(self.heads, levels, self.teacher(pixels), strict=True)
        return tuple((head(level).float(), seen.float()) for head, level, seen in maps)
