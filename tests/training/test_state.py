"""What a run leaves on the disk, and what is not taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from semclip.errors import ModelError
from semclip.training.loop import Schedule, Work, fit
from semclip.training.state import BEST, STATE, Progress, Tuned, read_best, read_state
from tests.training.toy import Kept, batches, loss, toy

PLAN = Schedule(2, every=2)
values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1)


def run(folder: Path, module: nn.Module) -> Progress:
    return fit(module, Work(batches, loss, lambda: 0.5), PLAN, folder=folder, watch=Kept())


def tuned(module: nn.Module) -> Tuned:
    """As a run has it: matrices before the rest."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    groups = [{"params": [one for one in weights if (one.ndim > 1) is matrix]} for matrix in (True, False)]
    average = {name: value for name, value in module.state_dict().items() if not name.startswith("frozen")}
    return Tuned(module, average, torch.optim.AdamW(groups), torch.amp.GradScaler("cpu", enabled=False))


@given(values)
def test_the_best_is_the_first_of_the_highest_and_what_came_after_is_stale(values: list[float]) -> None:
    progress = Progress()
    for step, value in enumerate(values, start=1):
        progress = Progress(step, progress.measured).measure(value)
    best = values.index(max(values))
    assert progress.best == (best + 1, max(values))
    assert progress.stale == len(values) - best - 1


def test_nothing_measured_is_nothing_stale() -> None:
    assert (Progress(step=9).best, Progress(step=9).stale) == (None, 0)


@pytest.mark.parametrize("name", [STATE, BEST])
@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, name: str, keep: int) -> None:
    run(tmp_path, toy())
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:keep])
    with pytest.raises(ModelError, match=f"needs its own {name}.*{tmp_path.name}.*remove"):
        run(tmp_path, toy())


def test_a_state_of_another_module_is_refused(tmp_path: Path) -> None:
    run(tmp_path, toy())
    other = toy()
    other.frozen.requires_grad_(True)
    with pytest.raises(ModelError, match="its weights are others"):
        run(tmp_path, other)
    narrow = toy()
    narrow.last = nn.Linear(5, 2)
    with pytest.raises(ModelError, match="size mismatch"):
        run(tmp_path, narrow)


def test_best_weights_of_another_module_are_refused(tmp_path: Path) -> None:
    run(tmp_path, toy())
    with pytest.raises(ModelError, match="its weights are others"):
        read_best(tmp_path, tuned(nn.Linear(2, 2)))
    with pytest.raises(ModelError, match="needs its own best"):
        read_best(tmp_path / "none", tuned(toy()))


@pytest.mark.parametrize("damage", ["missing", "nan"])
def test_best_weights_that_are_not_all_there_are_refused(tmp_path: Path, damage: str) -> None:
    run(tmp_path, toy())
    weights = load_file(tmp_path / BEST)
    weights["last.bias"] = weights["last.bias"] * float("nan")
    if damage == "missing":
        del weights["last.bias"]
    save_file(weights, tmp_path / BEST)
    with pytest.raises(ModelError, match=r"its weights are others|NaN or infinity in last\.bias"):
        run(tmp_path, toy())


def test_moments_come_back_in_the_layout_of_their_weights(tmp_path: Path) -> None:
    run(tmp_path, toy())
    module = toy()
    own = tuned(module)
    progress = read_state(tmp_path, own)
    moments = own.optimiser.state[module.kernels.weight]["exp_avg"]
    assert progress.over
    assert moments.any()
    assert moments.is_contiguous(memory_format=torch.channels_last)
