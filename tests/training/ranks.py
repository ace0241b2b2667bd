"""What each of several processes does that torchrun starts: a small run, and what it saw of it, as a file."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import torch
from torch import nn

from semclip.training.learner import Batch
from semclip.training.loop import Parts, Schedule, Work, fit, is_first, processes
from tests.training import toy


def digest(module: nn.Module) -> str:
    content = b"".join(weight.detach().numpy().tobytes() for weight in module.parameters())
    return hashlib.sha256(content).hexdigest()


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    module, watch = toy.toy(), toy.Kept()
    torch.nn.init.normal_(module.unread.weight)
    numbers: list[int] = []
    weights: list[str] = []

    def batches(number: int) -> Batch:
        numbers.append(number)
        return toy.batches(number)

    def loss(shared: nn.Module, batch: Batch) -> Parts:
        weights.append(digest(module))
        return toy.loss(shared, batch)

    measure = toy.work(module).measure
    progress = fit(module, Work(batches, loss, measure), Schedule(6, every=2), folder=folder, watch=watch)
    seen = {"numbers": numbers, "weights": [*weights, digest(module)], "told": len(watch.steps)}
    facts = {**seen, "step": progress.step, "measured": progress.measured, "first": is_first(), "count": processes()}
    (folder / f"{os.environ['RANK']}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
