"""The shipped ψ: dense regions, scores, and clear errors where its files are not what they should be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.scenes import render_scene
from semclip import SemClip
from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size, coverage
from semclip.proposals import pyramid
from semclip.relevance.embedded import ALIGN_PX, FILES, WEIGHTS, Embedded, input_size, load
from semclip.types import Regions
from tests.fakes import ArrayPicture, spotted


@pytest.fixture(scope="module")
def psi() -> Embedded:
    return load()


@pytest.fixture(scope="module")
def regions(psi: Embedded) -> Regions:
    picture = ArrayPicture(spotted(Size(400, 300), {Box(20, 30, 90, 100): (200, 30, 30)}))
    return psi.embed(picture, pyramid(picture.size))


def test_regions_are_dense_unit_features_of_the_whole_image(psi: Embedded, regions: Regions) -> None:
    assert regions.grid is not None
    assert regions.features.shape[0] == regions.grid.area
    assert regions.size == Size(400, 300)
    assert np.allclose(np.linalg.norm(regions.features.astype(np.float32), axis=1), 1, atol=1e-2)
    assert regions.encoder == psi.fingerprint


def test_boxes_do_not_change_the_features(psi: Embedded, regions: Regions) -> None:
    picture = ArrayPicture(spotted(Size(400, 300), {Box(20, 30, 90, 100): (200, 30, 30)}))
    other = psi.embed(picture, [Box(0, 0, 10, 10)])
    assert np.array_equal(other.features, regions.features)
    assert len(psi.score("the red square", other)) == 1


def test_scores_are_finite_one_a_box_and_depend_on_the_question(psi: Embedded, regions: Regions) -> None:
    scores = psi.score("the red square", regions)
    assert scores.shape == (len(regions),)
    assert np.isfinite(scores).all()
    assert not np.allclose(scores, psi.score("a receipt's total", regions))


def test_permuting_boxes_permutes_scores(psi: Embedded, regions: Regions) -> None:
    order = np.random.default_rng(0).permutation(len(regions))
    boxes = tuple(regions.boxes[index] for index in order)
    shuffled = Regions(regions.size, boxes, regions.features, regions.encoder, regions.grid)
    assert np.array_equal(psi.score("the bus", shuffled), psi.score("the bus", regions)[order])


def test_a_question_of_any_length_and_script_is_scored(psi: Embedded, regions: Regions) -> None:
    for question in ("bus", "what " * 500, "赤いバス", "[PAD]", "<image>", "🚌"):
        assert np.isfinite(psi.score(question, regions)).all()


def test_a_question_that_is_no_text_is_scored(psi: Embedded, regions: Regions) -> None:
    assert np.isfinite(psi.score("the red \udcff bus", regions)).all()


def test_a_blank_question_is_refused(psi: Embedded, regions: Regions) -> None:
    with pytest.raises(InputError, match="at least one word"):
        psi.score(" \n", regions)


def test_regions_of_another_encoder_are_refused(psi: Embedded, regions: Regions) -> None:
    foreign = Regions(regions.size, regions.boxes, regions.features, "another", regions.grid)
    with pytest.raises(InputError, match="another"):
        psi.score("the bus", foreign)


@given(st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000)), st.sampled_from([100_000, 500_000, 800_000]))
def test_the_network_input_is_aligned_and_bounded(size: Size, area: int) -> None:
    chosen = input_size(size, area)
    assert chosen.width % ALIGN_PX == chosen.height % ALIGN_PX == 0
    assert chosen.area <= 1.4 * area  # 48 px, the least that is rounded up, become 64
    ratio = (chosen.width / chosen.height) / (size.width / size.height)
    if 0.25 < size.width / size.height < 4:
        assert 0.8 < ratio < 1.25


def test_a_panorama_and_a_single_pixel_are_embedded(psi: Embedded) -> None:
    for size in (Size(3000, 20), Size(20, 3000), Size(1, 1)):
        picture = ArrayPicture(spotted(size, {}))
        assert np.isfinite(psi.score("the bus", psi.embed(picture, pyramid(size)))).all()


def test_it_finds_what_is_asked_for_in_rendered_scenes_more_often_than_chance_would(psi: Embedded) -> None:
    """Seeds that the recipe does not train on; chance would find about one in eight."""
    finder, found = SemClip(psi), []
    for seed in range(6):
        scene = render_scene("street", seed=seed, size=Size(1440, 960))
        for asked in scene.questions[:6]:
            boxes = finder.select(scene.image, asked.question, k=2).boxes
            found.append(any(coverage(target, by=box) >= 0.9 for target in asked.evidence for box in boxes))
    assert np.mean(found) > 0.4


def test_the_fingerprint_is_of_the_files(psi: Embedded, tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "copy")
    assert load(tmp_path / "copy").fingerprint == psi.fingerprint
    config = json.loads((tmp_path / "copy" / "config.json").read_text())
    (tmp_path / "copy" / "config.json").write_text(json.dumps({**config, "size_weight": 0.9}))
    assert load(tmp_path / "copy").fingerprint != psi.fingerprint


@pytest.mark.parametrize("change", [{"stride": 0}, {"area_px": 5e5}, {"size_weight": "much"}, {"sharpness": -1.0}])
def test_a_malformed_configuration_is_one_clear_error(change: dict[str, object], tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "copy")
    path = tmp_path / "copy" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match="psi embedded needs"):
        load(tmp_path / "copy")


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_one_clear_error(file: str, tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "copy")
    (tmp_path / "copy" / file).unlink()
    with pytest.raises(ModelError, match=file):
        load(tmp_path / "copy")


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_one_clear_error(file: str, tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "copy")
    (tmp_path / "copy" / file).write_bytes(b"{}damaged")
    with pytest.raises(ModelError, match="needs"):
        _score_once(tmp_path / "copy")


def _score_once(folder: Path) -> None:
    psi = load(folder)
    picture = ArrayPicture(spotted(Size(64, 64), {}))
    psi.score("the bus", psi.embed(picture, [picture.size.box]))
