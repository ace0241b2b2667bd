"""The loop: where it stops and goes on, what it keeps, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from semclip.errors import InputError, ModelError
from semclip.training.learner import Batch
from semclip.training.loop import Parts, Precision, Schedule, Work, fit
from semclip.training.state import BEST, STATE, Progress
from tests.training.making import contents
from tests.training.toy import Kept, Steady, Stopped, Stopping, Toy, batches, loss, toy, work

PLAN = Schedule(12, rate=0.05, every=3, average=0.8)


def run(folder: Path, plan: Schedule = PLAN) -> tuple[Toy, Progress]:
    module = toy()
    return module, fit(module, work(module), plan, folder=folder, watch=Kept())


def run_in_lives(folder: Path, plan: Schedule, lives: Iterator[int]) -> tuple[Toy, Progress]:
    """A run that is stopped again and again, each time in a fresh module as a new process would have it."""
    while True:
        module = toy()
        torch.manual_seed(next(lives))  # whatever happened before must not matter
        with suppress(Stopped):
            return module, fit(module, work(module), plan, folder=folder, watch=Stopping(next(lives)))


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
@pytest.mark.parametrize(("accumulate", "workers"), [(1, 0), (2, 1)])
def test_stopped_in_every_stretch_it_ends_with_the_same_bytes(
    tmp_path: Path, precision: Precision, accumulate: int, workers: int
) -> None:
    plan = replace(PLAN, precision=precision, accumulate=accumulate, workers=workers)
    (whole, ran), rng = run(tmp_path / "whole", plan), Random(0)
    lives = iter(lambda: PLAN.every + rng.randint(1, PLAN.every), None)
    stopped, went_on = run_in_lives(tmp_path / "stopped", plan, lives)
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    assert same_weights(stopped, whole)
    assert went_on == ran
    assert [step for step, _ in ran.measured] == [3, 6, 9, 12]


def test_a_stop_before_the_first_state_costs_nothing_but_time(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "whole")
    stopped, _ = run_in_lives(tmp_path / "stopped", PLAN, iter([1, 1, 2, 2, 3, 3, 4, 100]))
    assert same_weights(stopped, whole)


def test_a_run_that_is_over_is_only_read(tmp_path: Path) -> None:
    first, _ = run(tmp_path)
    before, watch, module = contents(tmp_path), Kept(), toy()
    fit(module, work(module), PLAN, folder=tmp_path, watch=watch)
    assert (watch.steps, contents(tmp_path)) == ([], before)
    assert same_weights(module, first)


def test_it_learns_and_ends_with_what_measured_best(tmp_path: Path) -> None:
    module = toy()
    start, watch = work(module).measure, Kept()
    assert start is not None
    before = start()
    progress = fit(module, work(module), replace(PLAN, steps=90, every=10), folder=tmp_path, watch=watch)
    assert watch.measurements == list(progress.measured)
    module.eval()
    best = max(value for _, value in progress.measured)
    assert start() == pytest.approx(best, rel=1e-6)
    assert best > before


def test_measuring_sees_averaged_weights_at_rest_and_leaves_no_trace(tmp_path: Path) -> None:
    module, seen = toy(), []

    def measure() -> float:
        seen.append((module.training, {name: value.clone() for name, value in module.state_dict().items()}))
        return 0.0

    fit(module, work(module, measure=measure), replace(PLAN, steps=3), folder=tmp_path, watch=Kept())
    state = load_file(tmp_path / STATE)
    ((training, weights),) = seen
    assert not training
    assert module.training
    assert torch.equal(weights["last.weight"], state["average/last.weight"])
    assert not torch.equal(weights["last.weight"], state["module/last.weight"])


def test_what_is_frozen_stays_and_is_not_kept(tmp_path: Path) -> None:
    module, _ = run(tmp_path)
    assert torch.equal(module.frozen.weight, toy().frozen.weight)
    assert not torch.equal(module.last.weight, toy().last.weight)
    assert not [name for name in {**load_file(tmp_path / STATE), **load_file(tmp_path / BEST)} if "frozen" in name]


def scripted(values: list[float]) -> Callable[[], float]:
    return iter(values).__next__


def test_patience_ends_a_run_and_the_first_of_equals_is_best(tmp_path: Path) -> None:
    module, plan = toy(), replace(PLAN, steps=100, every=1, patience=3)
    measure = scripted([0.1, 0.5, 0.4, 0.5, 0.2, 0.9])
    progress = fit(module, work(module, measure=measure), plan, folder=tmp_path, watch=Kept())
    assert (progress.step, progress.over, progress.best) == (5, True, (2, 0.5))
    averages = run_to(tmp_path / "two", 2)
    assert torch.equal(module.last.weight, averages["average/last.weight"])


def run_to(folder: Path, steps: int) -> dict[str, Tensor]:
    """The state after so many steps of a run of 100."""
    module = toy()
    with suppress(Stopped):
        plan = replace(PLAN, steps=100, every=1)
        fit(module, work(module, measure=lambda: 0.0), plan, folder=folder, watch=Stopping(steps + 1))
    return load_file(folder / STATE)


def test_with_nothing_to_measure_on_the_last_weights_are_the_best(tmp_path: Path) -> None:
    module, watch = toy(), Kept()
    progress = fit(module, Work(batches, loss, None), replace(PLAN, patience=1), folder=tmp_path, watch=watch)
    assert (progress.step, progress.measured, watch.measurements) == (PLAN.steps, (), [])
    assert torch.equal(module.last.weight, load_file(tmp_path / STATE)["average/last.weight"])


def first_moments(folder: Path, plan: Schedule, work: Work) -> list[Tensor]:
    """A tenth of the clipped gradient of the first step."""
    torch.manual_seed(3)
    fit(Steady(), replace(work, measure=None), replace(plan, steps=1), folder=folder, watch=Kept())
    return [value for name, value in load_file(folder / STATE).items() if name.endswith("exp_avg")]


def test_two_halves_that_are_added_up_make_the_step_of_the_whole(tmp_path: Path) -> None:
    def half(number: int) -> Batch:
        return {name: value[3 * number :][:3] for name, value in batches(0).items()}

    plan = replace(PLAN, clip=1e9)
    one = first_moments(tmp_path / "one", plan, Work(batches, loss, None))
    two = first_moments(tmp_path / "two", replace(plan, accumulate=2), Work(half, loss, None))
    other = first_moments(tmp_path / "other", plan, Work(half, loss, None))
    assert len(one) == 4
    torch.testing.assert_close(two, one)
    assert any(not torch.allclose(a, b, rtol=0.01) for a, b in zip(other, one, strict=True))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("clip", [1e-4, 1e9])
def test_lower_precision_goes_about_the_same_way(tmp_path: Path, precision: Precision, clip: float) -> None:
    # Small enough for float16 at its first scale.
    small = Work(batches, lambda module, batch: {"all": loss(module, batch)["all"] / 1000}, None)
    exact = first_moments(tmp_path / "no", replace(PLAN, clip=clip), small)
    rough = first_moments(tmp_path / "lower", replace(PLAN, clip=clip, precision=precision), small)
    worst = max(float((a - b).abs().max()) for a, b in zip(exact, rough, strict=True))
    assert 0 < worst < 0.05 * max(float(a.abs().max()) for a in exact)


def test_half_precision_leaves_out_steps_that_overflow_and_learns_with_the_others(tmp_path: Path) -> None:
    large = replace(work(toy()), loss=lambda module, batch: {"all": loss(module, batch)["all"] * 100})
    assert first_moments(tmp_path / "one", replace(PLAN, precision="fp16"), large) == []
    module, watch = toy(), Kept()
    plan = replace(PLAN, steps=60, every=60, precision="fp16")
    fit(module, replace(large, measure=work(module).measure), plan, folder=tmp_path / "all", watch=watch)
    first, last = (sum(values["all"] for values in part) for part in (watch.values[:10], watch.values[-10:]))
    assert last < 0.8 * first


def test_the_watch_is_told_the_loss_by_part_and_the_rate(tmp_path: Path) -> None:
    module, watch = toy(), Kept()
    fit(module, work(module), PLAN, folder=tmp_path, watch=watch)
    assert watch.steps == list(range(1, 13))
    assert [values["rate"] for values in watch.values] == [PLAN.rate_at(step) for step in range(12)]
    assert all(values["half"] == pytest.approx(values["all"] / 2) for values in watch.values)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_run_that_diverges_is_an_error_that_names_the_step(tmp_path: Path, bad: float) -> None:
    def diverging(module: nn.Module, batch: Batch) -> Parts:
        parts = loss(module, batch)
        return {**parts, "all": parts["all"] * (bad if torch.equal(batch["mean"], batches(4)["mean"]) else 1)}

    module = toy()
    with pytest.raises(ModelError, match=rf"a finite loss, got all {bad}, half [\d.]+ in step 4; try a lower rate"):
        fit(module, replace(work(module), loss=diverging), PLAN, folder=tmp_path, watch=Kept())


def still(module: nn.Module) -> Tensor:
    """0, with a gradient of 0 for every weight."""
    return torch.stack([weight.sum() * 0 for weight in module.parameters()]).sum()


def test_matrices_decay_and_nothing_else(tmp_path: Path) -> None:
    module, plan = toy(), replace(PLAN, steps=1, weight_decay=0.5)
    fit(module, Work(batches, lambda one, _: {"all": still(one)}, None), plan, folder=tmp_path, watch=Kept())
    state = load_file(tmp_path / STATE)
    tuned = {name: weight.detach() for name, weight in toy().named_parameters() if weight.requires_grad}
    assert {weight.ndim for weight in tuned.values()} == {1, 2, 4}
    for name, weight in tuned.items():
        kept = 1 - plan.rate_at(0) * plan.weight_decay if weight.ndim > 1 else 1.0
        torch.testing.assert_close(state[f"module/{name}"], weight * kept, rtol=1e-6, atol=0)


def test_gradients_that_are_not_finite_are_an_error_that_names_the_step(tmp_path: Path) -> None:
    def steep(module: nn.Module, batch: Batch) -> Parts:
        return {"all": loss(module, batch)["all"] + still(module).sqrt()}

    with pytest.raises(ModelError, match=r"finite gradients, got a norm of nan in step 0; try a lower rate"):
        fit(toy(), Work(batches, steep, None), PLAN, folder=tmp_path, watch=Kept())


def test_a_module_without_anything_to_tune_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="parameters to tune"):
        fit(toy().requires_grad_(False), Work(batches, loss, None), PLAN, folder=tmp_path, watch=Kept())


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"rate": 0.0}, {"rate": math.nan}, {"average": 1.0}, {"accumulate": 0}, {"every": 0}]
)
def test_a_schedule_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="a schedule needs"):
        Schedule(**{"steps": 5, **wrong})  # type: ignore[arg-type]


def test_the_rate_rises_and_then_falls_to_its_floor() -> None:
    plan = Schedule(1000, rate=2.0, warmup=0.1, floor=0.05)
    rates = [plan.rate_at(step) for step in range(1000)]
    assert rates[:101] == sorted(rates[:101])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert max(rates) == 2.0
    assert rates[-1] == pytest.approx(0.1, abs=1e-4)
