"""A joint ψ from a dense base: what it starts as, what it learns, and the folder that it becomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from semclip import images
from semclip.errors import ModelError
from semclip.files import save_folder
from semclip.geometry import Size
from semclip.proposals import pyramid
from semclip.relevance import checkpoint
from semclip.relevance.checkpoint import JOINT, read_config, write_config
from semclip.relevance.reranking import worth_trying
from semclip.training.joint.learner import JointLearner, load
from semclip.training.learner import Asked, Sample
from semclip.training.objectives import Objective, contrastive
from semclip.training.sampling import shots
from tests.fakes import ArrayPicture, spotted
from tests.training.making import mined_rows, scores_without_torch

RERANK = 5


@pytest.fixture
def learner(base: Path, tmp_path: Path) -> JointLearner:
    return load(base, kept=tmp_path, rerank=RERANK)


@pytest.fixture
def samples(mined: Path) -> list[Sample]:
    return [
        Sample(shot.image, shot.digest, shot.size, shot.boxes, tuple(map(Asked, shot.questions, shot.rewards)))
        for shot in shots([row for row in mined_rows(mined) if row.split == "train"])
    ]


def learn(learner: JointLearner, samples: list[Sample], steps: int) -> list[float]:
    """The losses of a few steps on the same pictures."""
    learner.prepare(samples)
    optimiser = torch.optim.Adam([one for one in learner.module.parameters() if one.requires_grad], lr=2e-3)
    batch, losses = learner.collate(samples, Random(0)), []
    learner.module.train()
    for _ in range(steps):
        loss = contrastive(learner.module(batch), batch, Objective())["all"]
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    learner.module.eval()
    return losses


def test_a_new_reader_keeps_the_order_of_the_towers(learner: JointLearner, samples: list[Sample]) -> None:
    picture = images.load(samples[0].image)
    boxes, question = pyramid(picture.size), samples[0].asked[0].question
    psi = learner.psi()
    regions = psi.embed(picture, boxes)
    first, scores = learner.towers.score(question, regions), psi.score(question, regions)
    tried = worth_trying(boxes, first, RERANK, max_overlap=learner.settings.overlap)
    np.testing.assert_allclose(scores[tried], first[tried], atol=1e-5)
    others = [index for index in range(len(boxes)) if index not in tried]
    assert scores[others].max() < scores[tried].min()
    assert np.argsort(scores[others]).tolist() == np.argsort(first[others]).tolist()


def test_it_learns_and_leaves_the_towers_as_they_are(learner: JointLearner, samples: list[Sample]) -> None:
    before = {name: value.clone() for name, value in learner.module.state_dict().items()}
    losses = learn(learner, samples, steps=120)
    assert losses[-1] < 0.7 * losses[0]
    after = learner.module.state_dict()
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved
    assert all(name.startswith("joint.reader.") for name in moved)


def test_the_folder_scores_as_the_learner_does(learner: JointLearner, samples: list[Sample], tmp_path: Path) -> None:
    learn(learner, samples, steps=10)
    with save_folder(tmp_path / "psi") as folder:
        learner.save(folder)
    saved, psi = checkpoint.load(tmp_path / "psi"), learner.psi()
    assert isinstance(saved, checkpoint.JointPsi)
    for sample in samples[:3]:
        picture = images.load(sample.image)
        boxes = pyramid(picture.size)
        expected = psi.score(sample.asked[0].question, psi.embed(picture, boxes))
        found = saved.score(sample.asked[0].question, saved.embed(picture, boxes))
        np.testing.assert_allclose(found, expected, atol=0.05)
        assert np.ptp(expected) > 0.5
    # Of the last.
    apart = scores_without_torch(tmp_path / "psi", sample.image, sample.asked[0].question, boxes)
    np.testing.assert_allclose(apart, found, atol=1e-4)


def test_a_reader_that_gives_another_number_of_scores_is_an_error(learner: JointLearner, tmp_path: Path) -> None:
    with save_folder(tmp_path / "psi") as folder:
        learner.save(folder)
        scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1])
        values = helper.make_tensor("values", TensorProto.FLOAT, [1], [1.0])
        inputs = onnx.load(folder / JOINT).graph.input
        nodes = [helper.make_node("Identity", ["values"], ["scores"])]
        model = helper.make_model(helper.make_graph(nodes, "one", inputs, [scores], [values]), ir_version=8)
        model.opset_import[0].version = 17
        (folder / JOINT).write_bytes(model.SerializeToString())
        write_config(folder, read_config(folder))
    psi = checkpoint.load(tmp_path / "psi")
    regions = psi.embed(ArrayPicture(spotted(Size(96, 64), {})), pyramid(Size(96, 64)))
    with pytest.raises(ModelError, match=rf"needs {RERANK} scores from its reader, got the shape \(1,\)"):
        psi.score("where is the red spot?", regions)


def test_it_reads_all_boxes_without_a_limit(base: Path, samples: list[Sample], tmp_path: Path) -> None:
    learner = load(base, kept=tmp_path, rerank=None)
    unlimited = replace(learner, settings=replace(learner.settings, overlap=1.0))
    picture = images.load(samples[0].image)
    with torch.no_grad():
        learner.module.joint.reader.judge.bias.add_(7)
    psi = unlimited.psi()
    regions = psi.embed(picture, pyramid(picture.size))
    question = samples[0].asked[0].question
    np.testing.assert_allclose(psi.score(question, regions), learner.towers.score(question, regions) + 7, atol=1e-4)


def test_it_learns_from_the_boxes_that_it_would_read_and_no_others(
    learner: JointLearner, samples: list[Sample]
) -> None:
    learner.prepare(samples)
    batch, psi = learner.collate(samples, Random(0)), learner.psi()
    asked = [(sample, one) for sample in samples for one in sample.asked]
    for row, (sample, one) in enumerate(asked):
        first = learner.towers.score(one.question, psi.embed(images.load(sample.image), sample.boxes))
        tried = worth_trying(sample.boxes, first, RERANK, max_overlap=learner.settings.overlap)
        assert batch["tried"][row].tolist() == tried
        np.testing.assert_allclose(batch["first"][row], first[tried], atol=1e-5)
        known = (~batch["rewards"][row].isnan()).nonzero().flatten().tolist()
        assert set(known) <= set(tried)


def test_a_new_reader_depends_on_its_seed_and_sets_no_other(base: Path, tmp_path: Path) -> None:
    made = []
    for outside, seed in ((1, 4), (2, 4), (1, 5)):
        torch.manual_seed(outside)
        reader = load(base, kept=tmp_path, seed=seed).module.joint.reader
        made.append((reader.see.weight, torch.rand(3)))
    (one, drawn), (same, otherwise), (other, again) = made
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(drawn, again)
    assert not torch.equal(drawn, otherwise)


def test_without_boxes_there_are_no_scores(learner: JointLearner, samples: list[Sample]) -> None:
    psi = learner.psi()
    assert psi.score("where is the red spot?", psi.embed(images.load(samples[0].image), [])).shape == (0,)


def test_it_needs_a_dense_base(learner: JointLearner, tmp_path: Path) -> None:
    with save_folder(tmp_path / "psi") as folder:
        learner.save(folder)
    with pytest.raises(ModelError, match="needs a dual, dense psi as its base here, got a joint one"):
        load(tmp_path / "psi", kept=tmp_path)
