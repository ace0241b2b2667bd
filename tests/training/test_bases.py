"""What a training may start from, and in which way."""

from __future__ import annotations

from pathlib import Path

import pytest

from semclip.errors import ModelError
from semclip.relevance.checkpoint import load, read_config
from semclip.relevance.embedded import WEIGHTS
from semclip.training.bases import Architecture, Start, base_folder, open_base, stamp
from semclip.training.runs import TrainConfig, train
from tests.relevance.checkpoint.folders import save_tiny
from tests.training.toy import Kept


@pytest.fixture(scope="module")
def joint(mined: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run makes that reads all boxes."""
    out = tmp_path_factory.mktemp("joint") / "psi"
    start = Start(str(base), "joint", rerank=None)
    facts = train([mined], out, TrainConfig(start, epochs=1, pictures=4, boxes=16, workers=1), watch=Kept())
    assert facts is not None
    told = {"architecture": "joint", "rerank": None, "workers": 0}
    assert told.items() <= facts.settings.items()
    assert "tune" not in facts.settings
    assert (facts.objective["across"], facts.objective["text"], facts.architecture) == (0, 0, "joint")
    return out


def test_a_joint_run_over_all_boxes_becomes_a_psi(joint: Path) -> None:
    settings = read_config(joint).joint
    assert settings is not None
    assert settings.rerank is None
    assert load(joint).name == str(joint)


@pytest.mark.parametrize("architecture", ["dual", "joint"])
def test_a_joint_psi_is_no_base(joint: Path, tmp_path: Path, architecture: Architecture) -> None:
    with pytest.raises(ModelError, match="needs a dual, dense psi as its base here, got a joint one"):
        open_base(Start(str(joint), architecture), folder=tmp_path, seed=0)


@pytest.mark.parametrize("library", ["open_clip:ViT-B-32", "hf:openai/clip-vit-base-patch32", "crops"])
def test_a_joint_reader_needs_dense_towers(tmp_path: Path, library: str) -> None:
    base = str(save_tiny(tmp_path / "tiny")) if library == "crops" else library
    with pytest.raises(ModelError, match="dense psi as its base"):
        open_base(Start(base, "joint"), folder=tmp_path, seed=0)


def test_a_size_weight_needs_dense_towers(tmp_path: Path) -> None:
    base = str(save_tiny(tmp_path / "tiny"))
    with pytest.raises(ModelError, match="a size weight needs a dense psi as its base"):
        open_base(Start(base, size_weight=1.0), folder=tmp_path, seed=0)


def test_a_base_is_known_by_its_content_or_by_the_name_of_its_library(base: Path) -> None:
    assert stamp("hf:a/model") == "hf:a/model"
    assert stamp(str(base)) == load(base).fingerprint
    assert (base_folder("embedded"), base_folder("open_clip:a")) == (WEIGHTS, None)
    with pytest.raises(ModelError, match="embedded, open_clip:…, hf:… or the folder of a psi, got nobody"):
        base_folder("nobody")
