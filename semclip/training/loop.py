"""The loop: batches in, tuned weights out, and at any moment enough on disk to go on as if it had never stopped.

Knows modules, losses and files, and nothing of ψ, pictures or logs. What a step does is a function of the weights, the
optimiser's moments, the seed and the step: batches are numbered, and whatever is random is seeded anew for each step.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from semclip.errors import InputError, ModelError
from semclip.training.learner import Batch
from semclip.training.state import Progress, Tuned, read_best, read_state, write_best, write_state

Precision = Literal["no", "bf16", "fp16"]
_AUTOCAST = {"no": torch.bfloat16, "bf16": torch.bfloat16, "fp16": torch.float16}
Parts = Mapping[str, Tensor]
"""The parts of a loss by name; `all` is what is minimised."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a run goes.

    `rate`: the peak learning rate, reached after a share `warmup` of the `steps`, then falling as a cosine to a share
    `floor` of it. `accumulate`: batches an optimiser step. `average`: decay of the running mean of the weights, which
    is what is measured and kept. `every`: steps between two measurements, and between two states on disk. `patience`:
    measurements without a better one before the run ends; None never does. `workers`: processes that prepare batches;
    none do where the system cannot fork.
    """

    steps: int
    rate: float = 1e-3
    warmup: float = 0.03
    floor: float = 0.02
    weight_decay: float = 0.05
    clip: float = 2.0
    accumulate: int = 1
    average: float = 0.998
    precision: Precision = "no"
    every: int = 100
    patience: int | None = None
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        whole = min(self.steps, self.accumulate, self.every) >= 1
        if not whole or not 0 < self.rate < math.inf or not 0 <= self.average < 1:
            needed = "steps, accumulate and every of at least 1, a rate above 0 and an average in [0, 1)"
            raise InputError(f"a schedule needs {needed}, got {self}")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0.

        >>> [round(Schedule(100, rate=1.0, warmup=0.1, floor=0).rate_at(step), 2) for step in (5, 10, 55, 100)]
        [0.55, 1.0, 0.5, 0.0]
        """
        done = step / self.steps
        if done < self.warmup:
            return self.rate * (step + 1) / (self.steps * self.warmup + 1)
        cosine = 0.5 * (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup)))
        return self.rate * (self.floor + (1 - self.floor) * cosine)

    def average_at(self, step: int) -> float:
        """The decay of the running mean: short at first, so that it forgets where it started."""
        return min(self.average, step / (step + 20))


@dataclass(frozen=True, slots=True)
class Work:
    """What is done: batch `number` of the run, its loss, and now and then a measurement; higher is better.

    `measure` sees the module with its averaged weights in place; where it is None, the last weights are the best.
    """

    batches: Callable[[int], Batch]
    loss: Callable[[nn.Module, Batch], Parts]
    measure: Callable[[], float] | None


class Watch(Protocol):
    """Is told how the run goes, in the first process alone."""

    def step(self, done: int, steps: int, values: Mapping[str, float], /) -> None:
        """After each step of `steps`: the parts of the loss, and the rate."""
        ...

    def measured(self, done: int, value: float, /) -> None:
        """After each measurement."""
        ...


def fit(module: nn.Module, work: Work, schedule: Schedule, *, folder: Path, watch: Watch) -> Progress:
    """How the run went; `module` then holds the averaged weights that measured best.

    Each part of it trains in the mode that it is in: batch norms in use keep the statistics that they have.

    Goes on where a run in `folder` stopped. Under torchrun or `accelerate launch` each process works on batches of its
    own, and the first one measures and writes.

    Raises: ModelError where the loss is not finite, or where `folder` holds another run.
    """
    run = _Run(module, work, schedule, folder, watch)
    run.go()
    read_best(folder, run.tuned)
    return run.progress


class _Run:
    """A run under way."""

    def __init__(self, module: nn.Module, work: Work, schedule: Schedule, folder: Path, watch: Watch) -> None:
        self.work, self.schedule, self.folder, self.watch = work, schedule, folder, watch
        # Parameters that a batch does not touch get no gradient, which is no error.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        on_cpu = not torch.cuda.is_available()
        # Precision is ours: accelerate would allow one a process, and none of float16 on a CPU.
        self.accelerator = Accelerator(cpu=on_cpu, mixed_precision="no", kwargs_handlers=[unused])
        self.device = self.accelerator.device
        self.tuned = _tuned(module.to(self.device), schedule)
        self.progress = read_state(folder, self.tuned)

    def go(self) -> None:
        """Does what is left of the run."""
        if self.progress.over:
            return
        model = self.accelerator.prepare_model(self.tuned.module)
        batches = self._batches()
        while not self.progress.over:
            step = self.progress.step
            # Seeded anew, so that a run that goes on draws what a run that never stopped draws.
            torch.manual_seed(self.schedule.seed * 1_000_003 + step)
            parts = self._step(model, batches, step)
            self.progress = replace(self.progress, step=step + 1, over=step + 1 == self.schedule.steps)
            if self.accelerator.is_main_process:
                self.watch.step(step + 1, self.schedule.steps, {**parts, "rate": self.schedule.rate_at(step)})
            if self.progress.over or self.progress.step % self.schedule.every == 0:
                self._pause()

    def _batches(self) -> Iterator[Batch]:
        """This process's batches, from the step where the run is."""
        place, processes = self.accelerator.process_index, self.accelerator.num_processes
        first, last = (step * self.schedule.accumulate for step in (self.progress.step, self.schedule.steps))
        numbers = [number * processes + place for number in range(first, last)]
        forks = "fork" in multiprocessing.get_all_start_methods()
        workers = {"num_workers": self.schedule.workers, "prefetch_factor": 4, "multiprocessing_context": "fork"}
        options: dict[str, Any] = workers if forks and self.schedule.workers else {}
        return iter(DataLoader(_Numbered(self.work.batches), None, sampler=numbers, **options))

    def _step(self, model: nn.Module, batches: Iterator[Batch], step: int) -> dict[str, float]:
        """The parts of the loss, mean over the step's batches."""
        optimiser, scaler, sums = self.tuned.optimiser, self.tuned.scaler, Counter[str]()
        for group in optimiser.param_groups:
            group["lr"] = self.schedule.rate_at(step)
        optimiser.zero_grad(set_to_none=True)
        for _ in range(self.schedule.accumulate):
            batch = {name: value.to(self.device) for name, value in next(batches).items()}
            with torch.autocast(self.device.type, _AUTOCAST[precision := self.schedule.precision], precision != "no"):
                parts = self.work.loss(model, batch)
            torch.autograd.backward(scaler.scale(parts["all"] / self.schedule.accumulate))
            sums.update({name: float(value.detach()) / self.schedule.accumulate for name, value in parts.items()})
        if not math.isfinite(sums["all"]):
            given = ", ".join(f"{name} {value}" for name, value in sums.items())
            raise ModelError(f"training needs a finite loss, got {given} in step {step}; try a lower rate")
        scaler.unscale_(optimiser)
        norm = nn.utils.clip_grad_norm_(self.tuned.module.parameters(), self.schedule.clip)
        if not scaler.is_enabled() and not norm.isfinite():  # a scaler leaves such steps out
            raise ModelError(f"training needs finite gradients, got a norm of {norm} in step {step}; try a lower rate")
        scaler.step(optimiser)
        scaler.update()
        decay = self.schedule.average_at(step + 1)
        for name, value in _changing(self.tuned.module).items():
            kept = self.tuned.average[name]
            kept.lerp_(value, 1 - decay) if value.is_floating_point() else kept.copy_(value)
        return dict(sums)

    def _pause(self) -> None:
        """Measures, and writes the best weights and then the state."""
        if self.work.measure is not None:
            self._measure(self.work.measure)
        if self.accelerator.is_main_process:
            if self.progress.stale == 0:
                write_best(self.folder, self.tuned.average)
            write_state(self.folder, self.tuned, self.progress)
        self.accelerator.wait_for_everyone()

    def _measure(self, measure: Callable[[], float]) -> None:
        """Measures in the first process, for all."""
        values = [0.0]
        if self.accelerator.is_main_process:
            with _averaged(self.tuned):
                values = [measure()]
            self.watch.measured(self.progress.step, values[0])
        broadcast_object_list(values)
        self.progress = self.progress.measure(values[0])
        patience = self.schedule.patience
        if patience is not None and self.progress.stale >= patience:
            self.progress = replace(self.progress, over=True)


class _Numbered(Dataset[Batch]):
    """Batches by number."""

    def __init__(self, batches: Callable[[int], Batch]) -> None:
        self._batches = batches

    def __getitem__(self, number: int) -> Batch:
        return self._batches(number)


def _tuned(module: nn.Module, schedule: Schedule) -> Tuned:
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        raise ModelError("training needs parameters to tune, got none")
    # Scales, biases and norms are no matrices: pulled towards 0, they would lose their calibration.
    groups: list[dict[str, Any]] = [
        {"params": [one for one in parameters if one.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=schedule.rate, betas=(0.9, 0.98))
    # float16 alone needs its gradients scaled; turned off, the scaler hands everything through.
    scaler = torch.amp.GradScaler(parameters[0].device.type, enabled=schedule.precision == "fp16")
    return Tuned(module, {name: value.clone() for name, value in _changing(module).items()}, optimiser, scaler)


def _changing(module: nn.Module) -> dict[str, Tensor]:
    """The weights that are tuned and the statistics beside them, by name, detached."""
    frozen = {name for name, value in module.named_parameters() if not value.requires_grad}
    return {name: value.detach() for name, value in module.state_dict().items() if name not in frozen}


@contextmanager
def _averaged(tuned: Tuned) -> Iterator[None]:
    """A block in which the module has its averaged weights."""
    own = {name: value.clone() for name, value in _changing(tuned.module).items()}
    modes = {part: part.training for part in tuned.module.modules()}
    tuned.module.load_state_dict(tuned.average, strict=False)
    tuned.module.eval()
    try:
        yield
    finally:
        tuned.module.load_state_dict(own, strict=False)
        for part, training in modes.items():
            part.training = training


def processes() -> int:
    """How many processes share the run: 1, or as many as torchrun or `accelerate launch` started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def take_device() -> torch.device:
    """Where this process trains: on one machine with several processes, each has a GPU of its own from then on."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cuda")


def is_first() -> bool:
    """Whether this is the process that writes."""
    return os.environ.get("RANK", "0") == "0"
