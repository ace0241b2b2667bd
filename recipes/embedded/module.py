"""Both towers as the loop runs them: a batch of canvases goes in, features and queries come out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from semclip.training.dense.model import Towers
from semclip.training.learner import Batch


class Read(NamedTuple):
    """What the towers make of a batch.

    `features` (B, D, h, w): of every cell of every canvas; the first d are unit. `queries` (Q, 5, D): of the questions.
    `scale` (): between unit features and unit queries. `names` (K, d) and `classes` (L, d): unit queries of what pieces
    are called, and of the teacher's classes; None where the batch has no such pieces.
    """

    features: Tensor
    queries: Tensor
    scale: Tensor
    names: Tensor | None
    classes: Tensor | None


class CanvasTowers(nn.Module):
    """Reads `pixels` (B, H, W, 3) uint8 and `ids` (Q, T), and `names` (K, T) and `classes` (L, T) where there are any.

    Unlike DenseModule it trains the batch norms too: their statistics are those of the canvases.
    """

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, batch: Batch) -> Read:
        pixels = batch["pixels"].permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        features = self.towers.image(pixels).float()
        # The text side is small: nothing is won by fewer bits.
        with torch.autocast(pixels.device.type, enabled=False):
            names, classes = (
                self.towers.text(batch[key]).unit if key in batch else None for key in ("names", "classes")
            )
            return Read(features, self.towers.ask(batch["ids"]), self.towers.scale, names, classes)
