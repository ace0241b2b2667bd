"""The dense towers as a folder, and back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from semclip.errors import ModelError
from semclip.files import save_folder
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint import (
    TOKENIZER,
    Config,
    DensePsi,
    DenseSettings,
    TextSettings,
    load,
    read_config,
    write_config,
)
from semclip.relevance.embedded import WEIGHTS
from semclip.training.dense.model import STRIDE, Towers
from semclip.training.dense.saving import load_dense, save_dense
from tests.fakes import ArrayPicture, spotted
from tests.relevance.checkpoint.folders import save_tiny

torch.set_num_threads(1)
CONFIG = Config(DenseSettings(STRIDE, 20_000, 1.5, 0.15), TextSettings(32, None, 0, lower=False, marks=False))


@pytest.fixture(scope="module")
def towers() -> Towers:
    torch.manual_seed(0)
    towers = Towers(torch.randn(29_525, 128))
    towers.image(torch.rand(2, 3, 64, 64) * 255)  # moves the norms' statistics from 0 and 1
    return towers


@pytest.fixture(scope="module")
def folder(towers: Towers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dense") / "psi"
    with save_folder(target) as folder:
        save_dense(towers, folder, config=CONFIG, tokenizer=(WEIGHTS / TOKENIZER).read_bytes())
    return target


def test_the_folder_scores_as_the_towers_do(folder: Path, towers: Towers) -> None:
    psi = load(folder)
    assert isinstance(psi, DensePsi)
    picture = ArrayPicture(spotted(Size(200, 100), {Box(20, 30, 90, 90): (200, 30, 30)}))
    regions = psi.embed(picture, [Box(0, 0, 50, 50)])
    assert regions.grid is not None
    pixels = picture.resized(Size(regions.grid.width * STRIDE, regions.grid.height * STRIDE))
    towers.eval()
    with torch.inference_mode():
        features = towers.image(torch.tensor(pixels).permute(2, 0, 1)[None].float())[0].flatten(1).T
        queries = towers.ask(torch.tensor([psi.runtime.ids("the red square")]))
        answers = features @ queries[0].T
    towers.train()
    assert np.abs(psi.answers("the red square", regions).reshape(-1, 5) - answers.numpy()).max() < 0.02


def test_saving_leaves_the_towers_as_they_were(towers: Towers, tmp_path: Path) -> None:
    before = {name: values.clone() for name, values in towers.state_dict().items()}
    save_dense(towers, tmp_path, config=CONFIG, tokenizer=(WEIGHTS / TOKENIZER).read_bytes())
    assert towers.training
    assert all(torch.equal(values, before[name]) for name, values in towers.state_dict().items())


def test_saved_towers_go_on_from_where_they_were(folder: Path, towers: Towers) -> None:
    again = load_dense(folder)
    assert again.training
    for name, values in towers.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.allclose(again.state_dict()[name], values, rtol=1e-3, atol=1e-4), name


def test_the_shipped_psi_can_be_trained_on() -> None:
    assert load_dense(WEIGHTS).text.vectors.num_embeddings == 29_525


def test_a_psi_of_another_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="needs a dual, dense psi as its base here, got a dual one with the encoder crops"
    ):
        load_dense(save_tiny(tmp_path / "tiny"))


@pytest.mark.parametrize("words", [-1, 0, "x", 29_524, 10**13, None])
def test_a_number_of_words_that_is_not_that_of_the_weights_is_refused(folder: Path, tmp_path: Path, words: Any) -> None:
    shutil.copytree(folder, tmp_path / "psi")
    config = read_config(folder)
    write_config(tmp_path / "psi", replace(config, model={**config.model, "words": words}))
    with pytest.raises(ModelError, match="needs the weights of its configuration") as caught:
        load_dense(tmp_path / "psi")
    assert "\n" not in str(caught.value)
