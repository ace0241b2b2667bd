"""What a run has on disk: enough to go on from, whole at any moment.

`state.safetensors` holds the weights that change, their running mean, the optimiser's moments and, as its metadata, the
progress; `best.safetensors` the running mean that measured best. Each is replaced in one step, the best first: a run
that is killed between the two does the same steps again and writes the same best.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from semclip.errors import ModelError, reason
from semclip.files import write_atomic

STATE, BEST = "state.safetensors", "best.safetensors"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: steps done, and what was measured after how many, best last kept in mind."""

    step: int = 0
    measured: tuple[tuple[int, float], ...] = ()
    over: bool = False

    @property
    def best(self) -> tuple[int, float] | None:
        """(step, value) of the best measurement, the first of equals."""
        return max(self.measured, key=lambda one: (one[1], -one[0]), default=None)

    @property
    def stale(self) -> int:
        """Measurements since the best one."""
        return 0 if self.best is None else sum(step > self.best[0] for step, _ in self.measured)

    def measure(self, value: float) -> Progress:
        """This with one more measurement, after the steps done so far."""
        return replace(self, measured=(*self.measured, (self.step, value)))


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """What changes in a run: the module, its running mean (by name), the optimiser, and the scale of gradients."""

    module: nn.Module
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler


def write_state(folder: Path, tuned: Tuned, progress: Progress) -> None:
    """Replaces the state of a run."""
    own = tuned.module.state_dict()
    tensors = {f"module/{name}": own[name] for name in tuned.average}
    tensors |= {f"average/{name}": value for name, value in tuned.average.items()}
    for index, values in tuned.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
    # One entry: of several, the format does not keep the order.
    told = json.dumps({"progress": asdict(progress), "scaler": tuned.scaler.state_dict()})
    write_atomic(folder / STATE, _packed(tensors, {"run": told}))


def read_state(folder: Path, tuned: Tuned) -> Progress:
    """Puts what a run left into `tuned`, and returns its progress; a new run's where there is nothing.

    Raises: ModelError for a state that is damaged or of another module.
    """
    path = folder / STATE
    if not path.exists():
        return Progress()
    try:
        tensors = load_file(path)
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["run"])
        own, average = _part(tensors, "module"), _part(tensors, "average")
        if own.keys() != tuned.average.keys():
            raise ValueError("its weights are others")
        tuned.module.load_state_dict(own, strict=False)
        for name, value in tuned.average.items():
            value.copy_(average[name])
        moments = _moments(_part(tensors, "optimiser"), tuned.optimiser)
        tuned.optimiser.load_state_dict({**tuned.optimiser.state_dict(), "state": moments})
        if tuned.scaler.is_enabled():
            tuned.scaler.load_state_dict(told["scaler"])
        fields = told["progress"]
        measured = tuple((int(step), float(value)) for step, value in fields["measured"])
        return Progress(int(fields["step"]), measured, bool(fields["over"]))
    except (OSError, SafetensorError, RuntimeError, ValueError, LookupError, TypeError) as error:
        raise ModelError(f"a run needs its own {STATE} to go on, got {path} ({reason(error)}); remove it") from error


def write_best(folder: Path, average: Mapping[str, Tensor]) -> None:
    """Replaces the best weights of a run."""
    write_atomic(folder / BEST, _packed(dict(average), {}))


def read_best(folder: Path, tuned: Tuned) -> None:
    """Puts the best weights of a run into the module.

    Raises: ModelError where they are missing, damaged or another module's, or not finite.
    """
    try:
        best = load_file(folder / BEST)
        if best.keys() != tuned.average.keys():
            raise ValueError("its weights are others")
        for name, value in best.items():
            if not value.isfinite().all():
                raise ValueError(f"NaN or infinity in {name}")
        tuned.module.load_state_dict(best, strict=False)
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError(f"a run needs its own {BEST}, got {folder / BEST} ({reason(error)}); remove both") from error


def _packed(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    # Tied and sliced tensors share memory, which the format refuses.
    return save({name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}, metadata)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}/"): value for name, value in tensors.items() if name.startswith(f"{prefix}/")}


def _moments(tensors: Mapping[str, Tensor], optimiser: torch.optim.Optimizer) -> dict[int, dict[str, Any]]:
    """The optimiser's state by the index of its parameter."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    moments: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        parameter = parameters[int(index)].detach()
        # In the parameter's own memory layout: another one may round sums otherwise.
        laid = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
        moments.setdefault(int(index), {})[key] = laid
    return moments
