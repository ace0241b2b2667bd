"""The shipped ψ, and with it what any dense ψ does: dense regions, scores, and clear errors."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.scenes import render_scene
from semclip import SemClip
from semclip.errors import InputError
from semclip.geometry import Box, Size, coverage
from semclip.proposals import pyramid
from semclip.relevance.checkpoint import DensePsi
from semclip.relevance.embedded import WEIGHTS, load
from semclip.training.dense.model import EXTENT
from semclip.types import Regions
from tests.fakes import ArrayPicture, spotted


@pytest.fixture(scope="module")
def psi() -> DensePsi:
    return load()


@pytest.fixture(scope="module")
def regions(psi: DensePsi) -> Regions:
    picture = ArrayPicture(spotted(Size(400, 300), {Box(20, 30, 90, 100): (200, 30, 30)}))
    return psi.embed(picture, pyramid(picture.size))


def test_regions_are_dense_unit_features_of_the_whole_image(psi: DensePsi, regions: Regions) -> None:
    assert regions.grid is not None
    assert regions.features.shape[0] == regions.grid.area
    assert regions.size == Size(400, 300)
    unit = regions.features[:, : -EXTENT - 1].astype(np.float32)
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-2)
    assert regions.encoder == psi.fingerprint


def test_boxes_do_not_change_the_features(psi: DensePsi, regions: Regions) -> None:
    picture = ArrayPicture(spotted(Size(400, 300), {Box(20, 30, 90, 100): (200, 30, 30)}))
    other = psi.embed(picture, [Box(0, 0, 10, 10)])
    assert np.array_equal(other.features, regions.features)
    assert len(psi.score("the red square", other)) == 1


def test_scores_are_finite_one_a_box_and_depend_on_the_question(psi: DensePsi, regions: Regions) -> None:
    scores = psi.score("the red square", regions)
    assert scores.shape == (len(regions),)
    assert np.isfinite(scores).all()
    assert not np.allclose(scores, psi.score("a receipt's total", regions))


def test_permuting_boxes_permutes_scores(psi: DensePsi, regions: Regions) -> None:
    order = np.random.default_rng(0).permutation(len(regions))
    boxes = tuple(regions.boxes[index] for index in order)
    shuffled = Regions(regions.size, boxes, regions.features, regions.encoder, regions.grid)
    assert np.array_equal(psi.score("the bus", shuffled), psi.score("the bus", regions)[order])


def test_a_question_of_any_length_and_script_is_scored(psi: DensePsi, regions: Regions) -> None:
    for question in ("bus", "what " * 500, "赤いバス", "[PAD]", "<image>", "🚌"):
        assert np.isfinite(psi.score(question, regions)).all()


def test_a_question_that_is_no_text_is_scored(psi: DensePsi, regions: Regions) -> None:
    assert np.isfinite(psi.score("the red \udcff bus", regions)).all()


def test_a_blank_question_is_refused(psi: DensePsi, regions: Regions) -> None:
    with pytest.raises(InputError, match="at least one word"):
        psi.score(" \n", regions)


def test_regions_of_another_encoder_are_refused(psi: DensePsi, regions: Regions) -> None:
    foreign = Regions(regions.size, regions.boxes, regions.features, "another", regions.grid)
    with pytest.raises(InputError, match="another"):
        psi.score("the bus", foreign)


def test_a_panorama_and_a_single_pixel_are_embedded(psi: DensePsi) -> None:
    for size in (Size(3000, 20), Size(20, 3000), Size(1, 1)):
        picture = ArrayPicture(spotted(size, {}))
        assert np.isfinite(psi.score("the bus", psi.embed(picture, pyramid(size)))).all()


def test_it_finds_what_is_asked_for_in_rendered_scenes_more_often_than_chance_would(psi: DensePsi) -> None:
    """Seeds that the recipe does not train on; chance would find about one in eight."""
    finder, found = SemClip(psi), []
    for seed in range(6):
        scene = render_scene("street", seed=seed, size=Size(1440, 960))
        for asked in scene.questions[:6]:
            boxes = finder.select(scene.image, asked.question, k=2).boxes
            found.append(any(coverage(target, by=box) >= 0.9 for target in asked.evidence for box in boxes))
    assert np.mean(found) > 0.4


def test_the_package_stays_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 18_000_000
