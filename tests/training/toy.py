"""Runs that take no time: a small network that learns a line, and watches that remember or stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from semclip.training.learner import Batch
from semclip.training.loop import Parts, Work


class Toy(nn.Module):
    """Draws random numbers, has statistics, a frozen part, a part that is not read, and kernels in another layout."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.kernels = nn.Conv2d(3, 5, 3)
        self.norm, self.drop, self.last = nn.BatchNorm2d(5), nn.Dropout(0.2), nn.Linear(5, 1)
        self.unread = nn.Linear(2, 2)
        self.to(memory_format=torch.channels_last)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.norm(self.kernels(pixels.contiguous(memory_format=torch.channels_last))).relu()
        said: Tensor = self.last(self.drop(maps.mean((2, 3)))).squeeze(1)
        return said


class Steady(nn.Module):
    """A smaller one, which says the same of a picture whatever else is in its batch, and in training as at rest."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels, self.last = nn.Conv2d(3, 5, 3), nn.Linear(5, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        said: Tensor = self.last(self.kernels(pixels).relu().mean((2, 3))).squeeze(1)
        return said


def toy() -> Toy:
    torch.manual_seed(3)
    return Toy()


def batches(number: int) -> Batch:
    """Noise, and its mean."""
    pixels = torch.randn(6, 3, 7, 5, generator=torch.Generator().manual_seed(number))
    return {"pixels": pixels, "mean": pixels.mean((1, 2, 3)) * 10}


def loss(module: nn.Module, batch: Batch) -> Parts:
    error = (module(batch["pixels"]).float() - batch["mean"]).square().mean()
    return {"all": error, "half": error / 2}


def work(module: nn.Module, *, measure: Callable[[], float] | None = None) -> Work:
    """Measured on a batch of its own."""

    def on_dev() -> float:
        with torch.no_grad():
            return -float(loss(module, batches(10_000))["all"])

    return Work(batches, loss, measure or on_dev)


@dataclass
class Kept:
    """Remembers what it was told."""

    steps: list[int] = field(default_factory=list)
    values: list[Mapping[str, float]] = field(default_factory=list)
    measurements: list[tuple[int, float]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)

    def begin(self, line: str, /) -> None:
        self.begun.append(line)

    def went_on(self, done: int, parts: int, /) -> None:
        self.parts.append((done, parts))

    def step(self, done: int, steps: int, values: Mapping[str, float], /) -> None:
        self.steps.append(done)
        self.values.append(values)

    def measured(self, done: int, value: float, /) -> None:
        self.measurements.append((done, value))


class Stopped(Exception):
    """Stands for a kill."""


@dataclass
class Stopping:
    """Stops a run in its step number `left`, counted from where it goes on."""

    left: int

    def step(self, done: int, steps: int, values: Mapping[str, float], /) -> None:
        self.left -= 1
        if self.left == 0:
            raise Stopped

    def measured(self, done: int, value: float, /) -> None:
        pass
