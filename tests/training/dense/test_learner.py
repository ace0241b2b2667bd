"""A dense ψ learns in each of three ways, changes what it may, and becomes a folder that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from torch import Tensor

from semclip import images
from semclip.errors import ModelError
from semclip.files import save_folder
from semclip.geometry import Size
from semclip.mining.rewards import POSITIVE
from semclip.protocols import Relevance
from semclip.relevance.checkpoint import DenseSettings, read_config
from semclip.relevance.checkpoint import load as load_psi
from semclip.training.altered import Alterations
from semclip.training.bases import Tune
from semclip.training.dense.canvas import Augment
from semclip.training.dense.learner import DenseLearner, load
from semclip.training.learner import Batch, Learner, Logits, Sample
from semclip.training.loop import Parts, Precision, Schedule, Watch, Work, fit
from semclip.training.lora import LowRank
from semclip.training.measure import measure
from semclip.training.objectives import Objective, contrastive
from semclip.training.sampling import Limits, Sampler, shots, whole
from semclip.types import Floats
from tests.training.making import contents, mined_rows, scores_without_torch
from tests.training.toy import Kept, Stopped, Stopping

TUNES: tuple[Tune, ...] = ("heads", "lora", "full")
WHOLE = Augment(zoom=0.0, stretch=0.0, paint=False)
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def samples(mined: Path) -> list[Sample]:
    return whole(shots(mined_rows(mined)))


def opened(base: Path, tune: Tune, folder: Path) -> DenseLearner:
    return load(base, tune, kept=folder)


def weights(learner: Learner) -> Weights:
    return {name: value.clone() for name, value in learner.module.state_dict().items()}


def loss(module: torch.nn.Module, batch: Batch) -> Parts:
    return contrastive(module(batch), batch, Objective())


def work(learner: Learner, samples: Sequence[Sample]) -> Work:
    """Three pictures of one size, again and again."""
    alike = [sample for sample in samples if sample.size == samples[0].size][:3]
    return Work(lambda number: learner.collate(alike, Random(number)), loss, None)


def tuned(learner: Learner, samples: Sequence[Sample], folder: Path) -> tuple[Weights, Weights]:
    """Weights before and after two steps."""
    learner.prepare(samples)
    before = weights(learner)
    fit(learner.module, work(learner, samples), Schedule(2, rate=1e-2), folder=folder, watch=Kept())
    return before, weights(learner)


def scores(psi: Relevance, sample: Sample) -> Floats:
    regions = psi.embed(images.load(sample.image), sample.boxes)
    return np.stack([psi.score(asked.question, regions) for asked in sample.asked])


def changed(before: Weights, after: Weights) -> set[str]:
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def is_head(name: str) -> bool:
    return name.startswith(("towers.image.top.", "towers.text.")) or name == "towers.log_scale"


def test_heads_leave_the_trunk_and_the_words_as_they_are(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    moved = changed(*tuned(opened(base, "heads", tmp_path), samples, tmp_path))
    assert moved
    assert all(is_head(name) for name in moved)
    assert "towers.image.top.extent.weight" in moved
    assert "towers.text.vectors.weight" not in moved


def test_low_rank_changes_leave_what_is_below_the_last_layers(
    base: Path, samples: list[Sample], tmp_path: Path
) -> None:
    learner = opened(base, "lora", tmp_path)
    moved = changed(*tuned(learner, samples, tmp_path))
    towers = learner.module.towers
    below = {name for name in moved if not is_head(name) or name.startswith("towers.text.blocks")}
    assert below
    assert all(name.endswith((".up", ".down")) for name in below)
    assert {name.split(".")[1] for name in below} == {"image", "text"}
    assert not any("image.top" in name for name in below)
    assert "towers.text.project.weight" in moved
    assert "towers.text.vectors.weight" not in moved
    kernel = towers.get_submodule("image.stage8.0.0")
    assert any(isinstance(part, LowRank) for part in kernel.modules())
    assert kernel.weight.shape == (96, 40, 3, 3)


@pytest.mark.parametrize("tune", TUNES)
def test_norms_keep_their_statistics(base: Path, samples: list[Sample], tmp_path: Path, tune: Tune) -> None:
    before, after = tuned(opened(base, tune, tmp_path), samples, tmp_path)
    statistics = [name for name in before if name.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    assert statistics
    assert not changed(before, after) & set(statistics)


def test_full_moves_every_layer_but_the_words(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    before, after = tuned(opened(base, "full", tmp_path), samples, tmp_path)
    moved = changed(before, after)
    still = {name for name in before if name not in moved and "running" not in name and "tracked" not in name}
    assert still == {"towers.text.vectors.weight"}


@pytest.mark.parametrize("tune", TUNES)
def test_untuned_it_scores_as_the_base_does(base: Path, samples: list[Sample], tmp_path: Path, tune: Tune) -> None:
    psi = opened(base, tune, tmp_path).psi()
    np.testing.assert_allclose(scores(psi, samples[0]), scores(load_psi(base), samples[0]), atol=5e-3)


@pytest.mark.parametrize("tune", TUNES)
def test_the_saved_psi_scores_the_same(base: Path, samples: list[Sample], tmp_path: Path, tune: Tune) -> None:
    learner = opened(base, tune, tmp_path)
    before = scores(learner.psi(), samples[0])
    tuned(learner, samples, tmp_path)
    expected = scores(learner.psi(), samples[0])
    assert np.abs(expected - before).max() > 0.05
    kept = weights(learner)
    with save_folder(tmp_path / "psi") as folder:
        learner.save(folder)
    assert not changed(kept, weights(learner))
    np.testing.assert_allclose(scores(load_psi(tmp_path / "psi"), samples[0]), expected, atol=2e-2)
    again = opened(tmp_path / "psi", "full", tmp_path)
    np.testing.assert_allclose(scores(again.psi(), samples[0]), expected, atol=2e-2)


def test_a_size_weight_is_scored_by_and_saved(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    one = samples[0]
    shares = np.array([box.area / one.size.area for box in one.boxes])
    learner = load(base, "full", kept=tmp_path, size_weight=0.0)
    old = read_config(base).encoder
    assert isinstance(old, DenseSettings)
    expected = scores(opened(base, "full", tmp_path).psi(), one) + old.size_weight * np.log(shares)
    np.testing.assert_allclose(scores(learner.psi(), one), expected, atol=1e-4)
    with save_folder(tmp_path / "psi") as folder:
        learner.save(folder)
    assert read_config(tmp_path / "psi").encoder == replace(old, size_weight=0.0)
    np.testing.assert_allclose(scores(load_psi(tmp_path / "psi"), one), expected, atol=2e-2)
    with pytest.raises(ModelError, match="size_weight"):
        load(base, "full", kept=tmp_path, size_weight=-1.0)


def test_a_saved_psi_needs_no_torch(base: Path, samples: list[Sample]) -> None:
    first = samples[0]
    found = scores_without_torch(base, first.image, first.asked[0].question, first.boxes)
    np.testing.assert_allclose(found, scores(load_psi(base), first)[0], atol=1e-4)


@pytest.mark.parametrize("tune", ["heads", "full"])
def test_the_module_says_what_psi_scores(base: Path, samples: list[Sample], tmp_path: Path, tune: Tune) -> None:
    learner = opened(base, tune, tmp_path)
    learner = replace(learner, views=replace(learner.views, augment=WHOLE))
    learner.prepare(samples)
    alike = [sample for sample in samples if sample.size == samples[0].size][:3]
    with torch.no_grad():
        logits: Logits = learner.module(learner.collate(alike, Still()))
    expected = np.concatenate([scores(learner.psi(), sample) for sample in alike])
    within = (logits.inside - logits.inside.mean(1, keepdim=True)) * learner.module.scoring.temperature
    np.testing.assert_allclose(within, expected - expected.mean(1, keepdims=True), atol=1e-2)
    assert logits.across is not None
    assert logits.across.shape == (6, 3, len(alike[0].boxes))
    assert torch.equal(logits.across[torch.arange(6), torch.arange(6) // 2], logits.inside)


class Still(Random):
    """Draws the first of all choices and the middle of all ranges: nothing is moved and nothing shrunk."""

    def choice(self, seq: Sequence[object]) -> object:  # type: ignore[override]
        return seq[0]


def test_altered_questions_get_logits_where_there_are_any(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    learner = opened(base, "full", tmp_path)
    one = samples[0]
    asked = (replace(one.asked[0], altered=one.asked[1].question), one.asked[1])
    with torch.no_grad():
        logits = learner.module(learner.collate([replace(one, asked=asked)], Random(0)))
        plain = learner.module(learner.collate([one], Random(0)))
    assert plain.altered is None
    assert logits.altered[1].isnan().all()
    torch.testing.assert_close(logits.altered[0], plain.across[1, 0], atol=1e-4, rtol=1e-4)


def test_boxes_that_a_window_cuts_have_no_reward(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    learner = opened(base, "full", tmp_path)
    learner = replace(learner, views=replace(learner.views, augment=Augment(zoom=1.0)))
    batch = learner.collate(samples[:1], Random(3))
    rewards, valid = batch["rewards"], batch["valid"][0]
    assert 0 < valid.sum() < len(valid)
    assert rewards[:, ~valid].isnan().all()
    given = torch.tensor(np.stack([asked.rewards for asked in samples[0].asked]))
    assert torch.equal(rewards[:, valid], given[:, valid])
    assert (rewards >= POSITIVE).any()


@pytest.mark.parametrize("tune", TUNES)
def test_a_batch_is_a_function_of_its_seed(base: Path, samples: list[Sample], tmp_path: Path, tune: Tune) -> None:
    learner = opened(base, tune, tmp_path)
    learner.prepare(samples)
    one, same = (learner.collate(samples[:1], Random(5)) for _ in range(2))
    assert one.keys() == same.keys()
    assert all(torch.equal(value.nan_to_num(9), same[name].nan_to_num(9)) for name, value in one.items())


def test_pictures_share_a_batch_by_canvas_and_kept_features_always(base: Path, tmp_path: Path) -> None:
    wide, tall = Size(1500, 1000), Size(1000, 1500)
    heads, full = opened(base, "heads", tmp_path), opened(base, "full", tmp_path)
    assert full.kind(wide) == full.kind(Size(150, 101)) != full.kind(tall)
    assert heads.kind(wide) == heads.kind(tall)


def test_kept_features_are_read_and_not_made_again(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    learner = opened(base, "heads", tmp_path)
    learner.prepare(samples)
    (tmp_path / f"{samples[0].digest}.npy").write_bytes((tmp_path / f"{samples[2].digest}.npy").read_bytes())
    learner.prepare(samples)
    first, third = (learner.collate([samples[place]], Random(0))["trunk"] for place in (0, 2))
    assert torch.equal(first, third)


@pytest.mark.parametrize("tune", TUNES)
def test_a_low_rank_start_depends_on_the_seed_alone(base: Path, tmp_path: Path, tune: Tune) -> None:
    torch.manual_seed(1)
    one = load(base, tune, kept=tmp_path, seed=4)
    torch.manual_seed(2)
    same, other = load(base, tune, kept=tmp_path, seed=4), load(base, tune, kept=tmp_path, seed=5)
    assert not changed(weights(one), weights(same))
    assert bool(changed(weights(one), weights(other))) == (tune == "lora")


def test_two_half_batches_are_about_the_step_of_the_whole(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    """Within pictures alone: what is compared between pictures depends on which share a batch."""
    learner = opened(base, "heads", tmp_path)
    learner.prepare(samples)
    terms = Objective(across=0, text=0)

    def gradient(*parts: Sequence[Sample]) -> list[Tensor]:
        learner.module.zero_grad()
        for part in parts:
            batch = learner.collate(part, Random(0))
            torch.autograd.backward(contrastive(learner.module(batch), batch, terms)["all"] / len(parts))
        return [weight.grad for weight in learner.module.parameters() if weight.grad is not None]

    whole, halves = gradient(samples[:4]), gradient(samples[:2], samples[2:4])
    torch.testing.assert_close(halves, whole, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(("tune", "precision"), [("heads", "no"), ("lora", "bf16"), ("full", "bf16")])
def test_stopped_in_every_stretch_it_ends_with_the_same_bytes(
    base: Path, samples: list[Sample], tmp_path: Path, tune: Tune, precision: Precision
) -> None:
    plan = Schedule(6, rate=1e-2, every=2, precision=precision)

    def live(folder: Path, watch: Watch) -> None:
        learner = opened(base, tune, tmp_path)
        learner.prepare(samples)
        fit(learner.module, work(learner, samples), plan, folder=folder, watch=watch)

    live(tmp_path / "whole", Kept())
    for _ in range(2):
        with pytest.raises(Stopped):
            live(tmp_path / "stopped", Stopping(plan.every + 1))
    live(tmp_path / "stopped", Kept())
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


def test_it_learns_to_find_what_is_asked_for(base: Path, mined: Path, tmp_path: Path) -> None:
    rows = mined_rows(mined)
    learner = opened(base, "heads", tmp_path)
    taken = Sampler(shots(rows), 4, 0, learner.kind, Alterations.of(row.question for row in rows), Limits(64))
    learner.prepare(whole(taken.shots))
    before = measure(learner.psi(), rows).rate(2)
    drawn = Work(lambda number: learner.collate(taken(number), Random(number)), loss, None)
    fit(learner.module, drawn, Schedule(40, rate=3e-3), folder=tmp_path, watch=Kept())
    assert measure(learner.psi(), rows).rate(2) > before + 0.3
