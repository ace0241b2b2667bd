"""The seam between the loop and what it trains.

A learner turns pictures, boxes and questions into tensors, its module turns those into logits, and it knows how to
become a ψ: one in memory to measure, and a folder to keep.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from semclip.geometry import Box, Size
from semclip.protocols import Relevance
from semclip.types import Floats

Batch = dict[str, Tensor]
"""What a module reads, and the targets beside it. Every learner's batch has, with P pictures, N boxes, Q questions:

`picture` (Q,) int64: whose question it is; rising. `rewards` (Q, N) float32: of the boxes of its own picture, NaN
where not known or padding. `valid` (P, N) bool: which boxes are there. `alike` (Q, P) bool: pictures on which the same
is asked, the question's own included: their boxes are no negatives of it.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a sample, the rewards of the sample's boxes (NaN where not known), and a false variant of it.

    `altered` asks for something else of the same kind: another colour, object or number; None where no word is known.
    """

    question: str
    rewards: Floats
    altered: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a batch with the boxes to compare and the questions about it."""

    image: Path
    digest: str
    size: Size
    boxes: tuple[Box, ...]
    asked: tuple[Asked, ...]


class Logits(NamedTuple):
    """What a module says.

    `inside` (Q, N): of the boxes of a question's own picture, comparable within the picture. `across` (Q, P, N): of all
    boxes for all questions, comparable between pictures; None for modules that read each pair at a cost. `altered`
    (Q, N): as the question's own part of `across`, for the altered question; NaN where there is none; None where none
    was read, and without `across`.
    """

    inside: Tensor
    across: Tensor | None = None
    altered: Tensor | None = None


def own(across_QPN: Tensor, picture_Q: Tensor) -> Tensor:
    """(Q, N) what is said of each question's own picture."""
    return across_QPN[torch.arange(len(picture_Q), device=picture_Q.device), picture_Q]


class Learner(Protocol):
    """A ψ under training."""

    @property
    def module(self) -> nn.Module:
        """Maps a batch to `Logits`; the parameters that require gradients are those that are tuned."""
        ...

    @property
    def most_boxes(self) -> int:
        """How many boxes of a picture a batch can well have."""
        ...

    @property
    def in_workers(self) -> bool:
        """Whether other processes may collate; not where that runs a model, which may be on a GPU."""
        ...

    def kind(self, size: Size, /) -> Hashable:
        """What pictures must have in common to share a batch, from a picture's size."""
        ...

    def prepare(self, samples: Sequence[Sample], /) -> None:
        """Computes once what never changes while training: features below what is tuned."""
        ...

    def collate(self, samples: Sequence[Sample], rng: Random, /) -> Batch:
        """The batch of `samples`; the same for the same state of `rng`."""
        ...

    def psi(self) -> Relevance:
        """The ψ as it stands; further training changes it."""
        ...

    def save(self, folder: Path, /) -> None:
        """Writes model.safetensors, the ONNX graphs, the tokenizer and config.json into an existing folder."""
        ...
