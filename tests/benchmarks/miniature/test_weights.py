"""The miniature models that are kept: small, loadable as any model is, and better with the right crop."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.miniature.models import FAMILIES, Family
from benchmarks.miniature.scenes import write_scenes
from examples.demo import MODEL, MODEL_QUESTION, ask_model
from semclip import load
from semclip.evaluation.answers.evaluation import Contest, evaluate
from semclip.evaluation.answers.protocol import AnswerConfig
from semclip.evaluation.answers.strategies import parse_all
from semclip.evaluation.datasets.opening import open_dataset

WEIGHTS = MODEL.parent
MOST_BYTES = 12_000_000


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_small(family: Family) -> None:
    assert sum(path.stat().st_size for path in (WEIGHTS / family).iterdir()) <= MOST_BYTES


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_the_right_crop_helps(family: Family, tmp_path: Path) -> None:
    write_scenes(tmp_path / "scenes", count=16, seed=7)
    names = parse_all(["overview", "oracle"])
    contest = Contest(load(WEIGHTS / family, dtype="float32"), names, {})
    config = AnswerConfig(bare=True, max_tokens=6, batch_size=16)
    found = evaluate([open_dataset(tmp_path / "scenes" / "questions.jsonl")], contest, tmp_path, config=config)
    overview, oracle = found.results
    assert oracle.accuracy.value > overview.accuracy.value + 0.1


@pytest.mark.long
def test_the_demo_shows_a_question_that_crops_turn_right(tmp_path: Path) -> None:
    selection, reply = ask_model(tmp_path)
    assert selection.question == MODEL_QUESTION
    assert (reply.alone, reply.aided) == ("0", "4")
