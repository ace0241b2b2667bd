"""A dual encoder learns from two pictures, in each of three ways, and becomes a ψ that runs without torch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch.nn import functional as F

from semclip import images
from semclip.errors import InputError, ModelError
from semclip.protocols import Relevance
from semclip.relevance import hf, open_clip
from semclip.relevance.checkpoint import WEIGHTS, read_config, write_config
from semclip.relevance.checkpoint import load as load_psi
from semclip.training.bases import Start, Tune
from semclip.training.crops.learner import CropsLearner, CropsOptions, load
from semclip.training.learner import Asked, Batch, Learner, Logits, Sample
from semclip.training.runs import TrainConfig
from semclip.training.runs import train as train_run
from semclip.types import Floats
from tests.training.crops.conftest import FIELDS
from tests.training.making import scores_without_torch
from tests.training.toy import Kept

TUNES: tuple[Tune, ...] = ("heads", "lora", "full")
CASES: tuple[tuple[str, Tune], ...] = (
    ("clip", "heads"),
    ("clip", "full"),
    ("siglip", "lora"),
    ("siglip2", "heads"),
    ("siglip2", "lora"),
    ("open_clip", "lora"),
    ("open_clip_bias", "full"),
)
CPU = "cpu"

Stirred = dict[tuple[str, Tune], tuple[CropsLearner, Path]]


def opened(name: str, tune: Tune, **options: Any) -> CropsLearner:
    return load(name, CropsOptions(tune, device=CPU, **options))


def collated(learner: Learner, samples: Sequence[Sample]) -> Batch:
    return learner.collate(samples, Random(0))


def said(learner: Learner, samples: Sequence[Sample]) -> Logits:
    logits: Logits = learner.module(collated(learner, samples))
    return logits


def scores(psi: Relevance, sample: Sample) -> Floats:
    regions = psi.embed(images.load(sample.image), sample.boxes)
    return np.stack([psi.score(asked.question, regions) for asked in sample.asked])


def train(learner: Learner, samples: Sequence[Sample], *, steps: int, rate: float) -> None:
    learner.prepare(samples)
    tuned = [weight for weight in learner.module.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(tuned, lr=rate)
    batch = collated(learner, samples)
    for _ in range(steps):
        optimiser.zero_grad()
        loss: Any = F.cross_entropy(learner.module(batch).inside, batch["rewards"].argmax(1))
        loss.backward()
        optimiser.step()


@torch.no_grad()
def stir(learner: Learner) -> None:
    generator = torch.Generator().manual_seed(0)
    for weight in learner.module.parameters():
        if weight.requires_grad:
            weight.add_(0.03 * torch.randn(weight.shape, generator=generator))


@pytest.fixture(scope="module")
def stirred(bases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Stirred:
    """Learners with changed weights, and the folders that they saved."""
    made: Stirred = {}
    for kind, tune in CASES:
        learner, folder = opened(bases[kind], tune), tmp_path_factory.mktemp(f"{kind}-{tune}")
        stir(learner)
        learner.save(folder)
        made[kind, tune] = learner, folder
    return made


@pytest.mark.parametrize(("kind", "tune"), CASES)
def test_untuned_it_scores_as_the_base_does(
    bases: dict[str, str], samples: list[Sample], kind: str, tune: Tune
) -> None:
    library, _, spec = bases[kind].partition(":")
    base = (hf if library == "hf" else open_clip).load(spec, device=CPU, dtype=torch.float32)
    np.testing.assert_allclose(scores(opened(bases[kind], tune).psi(), samples[0]), scores(base, samples[0]), atol=1e-5)


@pytest.mark.parametrize(("kind", "tune"), CASES)
def test_the_module_says_what_psi_scores(stirred: Stirred, samples: list[Sample], kind: str, tune: Tune) -> None:
    learner, _ = stirred[kind, tune]
    logits = said(learner, samples)
    expected = np.concatenate([scores(learner.psi(), sample) for sample in samples])
    np.testing.assert_allclose(logits.inside.detach(), expected, atol=1e-4)
    assert logits.across is not None
    own = logits.across.detach()[torch.arange(6), torch.tensor([0, 0, 0, 1, 1, 1])]
    np.testing.assert_allclose(own, expected, atol=1e-4)


@pytest.mark.parametrize(("kind", "tune"), CASES)
def test_the_saved_psi_scores_the_same(stirred: Stirred, samples: list[Sample], kind: str, tune: Tune) -> None:
    learner, folder = stirred[kind, tune]
    expected = scores(learner.psi(), samples[0])
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(scores(load_psi(folder), samples[0]), expected, atol=1e-3)


def test_a_saved_psi_needs_no_torch(stirred: Stirred, samples: list[Sample]) -> None:
    (_, folder), first = stirred["siglip2", "heads"], samples[0]
    found = scores_without_torch(folder, first.image, first.asked[0].question, first.boxes)
    np.testing.assert_allclose(found, scores(load_psi(folder), first)[0], atol=1e-4)


@pytest.mark.parametrize("kind", ["clip", "open_clip"])
def test_a_run_trains_the_model_of_a_library(bases: dict[str, str], mined: Path, tmp_path: Path, kind: str) -> None:
    config = TrainConfig(Start(bases[kind]), epochs=1, pictures=4, boxes=4, workers=1)
    facts = train_run([mined], tmp_path / "psi", config, watch=Kept())
    assert facts is not None
    assert (facts.base, facts.encoder, facts.architecture) == (bases[kind], "crops", "dual")
    # Altered questions are encoded while batches are made.
    assert facts.settings["workers"] == 0
    assert opened(bases[kind], "full").in_workers
    assert load_psi(tmp_path / "psi").name


@pytest.mark.parametrize(("kind", "tune"), [("siglip2", "heads"), ("siglip2", "full"), ("open_clip", "lora")])
def test_training_goes_on_from_a_folder(
    stirred: Stirred, samples: list[Sample], tmp_path: Path, kind: str, tune: Tune
) -> None:
    first, folder = stirred[kind, "lora"]
    again = opened(str(folder), tune)
    np.testing.assert_allclose(scores(again.psi(), samples[0]), scores(first.psi(), samples[0]), atol=1e-5)
    again.save(tmp_path)
    assert read_config(tmp_path).model == read_config(folder).model
    np.testing.assert_allclose(scores(load_psi(tmp_path), samples[0]), scores(load_psi(folder), samples[0]), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "tune", "rate"),
    [("clip", "heads", 0.03), ("clip", "lora", 0.01), ("open_clip", "lora", 0.01), ("siglip", "full", 0.003)],
)
def test_it_learns_two_pictures_and_leaves_what_is_frozen(
    bases: dict[str, str], samples: list[Sample], kind: str, tune: Tune, rate: float
) -> None:
    learner = opened(bases[kind], tune)
    whole = learner._opened.parts
    frozen = {name: weight.clone() for name, weight in whole.named_parameters() if not weight.requires_grad}
    assert (len(frozen) == 0) == (tune == "full")
    before = np.concatenate([scores(learner.psi(), sample) for sample in samples]).argmax(1)
    train(learner, samples, steps=60, rate=rate)
    after = np.concatenate([scores(learner.psi(), sample) for sample in samples]).argmax(1)
    assert before.tolist() != [0, 1, 2, 0, 1, 2]
    assert after.tolist() == [0, 1, 2, 0, 1, 2]
    assert all(torch.equal(weight, frozen[name]) for name, weight in whole.named_parameters() if name in frozen)


@pytest.mark.parametrize("tune", TUNES)
def test_what_is_tuned_is_in_the_module(bases: dict[str, str], tune: Tune) -> None:
    tuned = {name for name, weight in opened(bases["clip"], tune).module.named_parameters() if weight.requires_grad}
    own = {"image.change.weight", "text.change.weight", "log_scale", "bias"}
    assert own <= {name.removeprefix("heads.") for name in tuned}
    rest = {name for name in tuned if name.removeprefix("heads.") not in own}
    match tune:
        case "heads":
            assert rest == set()
        case "lora":
            assert rest
            assert all(name.endswith((".up", ".down")) for name in rest)
        case "full":
            assert "model.vision_model.embeddings.patch_embedding.weight" in rest


@pytest.mark.parametrize("tune", TUNES)
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_padding_boxes_and_longer_questions_change_no_logit(
    bases: dict[str, str], samples: list[Sample], kind: str, tune: Tune
) -> None:
    learner = opened(bases[kind], tune)
    few = replace(samples[0], boxes=FIELDS[:1], asked=(Asked("red", np.ones(1, np.float32)),))
    many = replace(samples[1], asked=(Asked("what is the blue car", np.zeros(3, np.float32)),))
    alone, together = said(learner, [few]), said(learner, [few, many])
    torch.testing.assert_close(together.inside[:1, :1], alone.inside, atol=1e-4, rtol=0)
    assert together.inside.isfinite().all()


@pytest.mark.parametrize("tune", TUNES)
def test_an_altered_question_is_scored_as_if_it_were_asked(
    bases: dict[str, str], samples: list[Sample], tune: Tune
) -> None:
    learner = opened(bases["clip"], tune)
    first, second, third = samples[0].asked
    altered = replace(samples[0], asked=(replace(first, altered=second.question), second, third))
    logits = said(learner, [altered])
    assert logits.altered is not None
    torch.testing.assert_close(logits.altered[0], logits.inside[1], atol=1e-4, rtol=0)
    assert logits.altered[1:].isnan().all()
    assert said(learner, samples).altered is None


def test_prepared_features_are_used(bases: dict[str, str], samples: list[Sample], tmp_path: Path) -> None:
    learner = opened(bases["clip"], "heads", folder=tmp_path)
    exact = collated(learner, samples)["features"]
    learner.prepare(samples)
    kept = collated(learner, samples)["features"]
    torch.testing.assert_close(kept, exact, atol=1e-3, rtol=0)
    assert torch.equal(kept, kept.half().float())
    again = opened(bases["clip"], "heads", folder=tmp_path)
    again.prepare(samples)
    assert torch.equal(collated(again, samples)["features"], kept)
    assert len(list(tmp_path.iterdir())) == len(samples)


def test_nothing_is_prepared_where_the_towers_change(
    bases: dict[str, str], samples: list[Sample], tmp_path: Path
) -> None:
    opened(bases["clip"], "lora", folder=tmp_path).prepare(samples)
    assert list(tmp_path.iterdir()) == []


def test_regions_outlive_tuned_heads_and_no_tuned_towers(bases: dict[str, str]) -> None:
    for tune in TUNES:
        learner = opened(bases["siglip"], tune)
        before = learner.psi().fingerprint
        stir(learner)
        assert (learner.psi().fingerprint == before) == (tune == "heads")


def test_regions_of_other_towers_are_refused(bases: dict[str, str], samples: list[Sample]) -> None:
    one, other = (opened(bases[kind], "heads").psi() for kind in ("clip", "siglip"))
    picture = images.load(samples[0].image)
    with pytest.raises(InputError, match="regions that it embedded itself"):
        one.score("red", other.embed(picture, FIELDS))
    with pytest.raises(InputError, match="at least one box"):
        one.embed(picture, [])


def test_towers_of_half_precision_save_their_full_weights(
    bases: dict[str, str], samples: list[Sample], tmp_path: Path
) -> None:
    exact, fast = (opened(bases["clip"], "heads", dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    assert exact.psi().fingerprint != fast.psi().fingerprint
    np.testing.assert_allclose(scores(fast.psi(), samples[0]), scores(exact.psi(), samples[0]), atol=0.3)
    fast.save(tmp_path)
    np.testing.assert_allclose(scores(load_psi(tmp_path), samples[0]), scores(exact.psi(), samples[0]), atol=1e-4)


def test_saving_leaves_the_weights_as_they_are(bases: dict[str, str], tmp_path: Path) -> None:
    learner = opened(bases["siglip"], "lora")
    stir(learner)
    before = {name: value.clone() for name, value in learner.module.state_dict().items()}
    learner.save(tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in learner.module.state_dict().items())


def test_the_towers_stay_in_eval_mode(bases: dict[str, str]) -> None:
    module = opened(bases["clip"], "full").module.train()
    assert module.training
    assert not any(part.training for part in module.get_submodule("model").modules())


def changed_config(folder: Path, **changes: Any) -> None:
    write_config(folder, replace(read_config(folder), **changes))


@pytest.fixture
def folder(stirred: Stirred, tmp_path: Path) -> Path:
    """A copy to damage."""
    _, folder = stirred["clip", "full"]
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.mark.parametrize("change", ["missing", "unknown", "misshapen"])
def test_weights_that_do_not_fit_exactly_are_refused(folder: Path, change: str) -> None:
    weights = load_file(folder / WEIGHTS)
    name = "heads.image.change.weight"
    match change:
        case "missing":
            del weights[name]
        case "unknown":
            weights["extra"] = np.ones(1, np.float32)
        case "misshapen":
            weights[name] = weights[name][:3]
    save_file(weights, folder / WEIGHTS)
    with pytest.raises(ModelError, match="needs exactly the weights of its configuration"):
        opened(str(folder), "heads")


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"library": "pickle"},
        {"library": "transformers", "model_type": "bert"},
        {"library": "open_clip", "force_quick_gelu": 1},
    ],
)
def test_a_configuration_that_builds_nothing_is_refused(folder: Path, model: dict[str, Any]) -> None:
    changed_config(folder, model=model)
    with pytest.raises(ModelError) as failure:
        opened(str(folder), "heads")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("name", ["no/such/folder", "nothing:at/all", "hf:/no/such/folder", ""])
def test_a_base_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        opened(name, "heads")
