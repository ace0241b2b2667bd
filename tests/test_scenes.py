"""The rendered scenes: their questions, their evidence, and that a seed decides everything."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.scenes import KINDS, Scene, render_scene
from semclip import InputError, Size
from semclip.geometry import intersection_area

SMALL = {"street": Size(600, 400), "document": Size(450, 600), "shelf": Size(600, 450)}
SEEDS = range(6)
shapes = st.sampled_from([Size(320, 640), Size(320, 320), Size(500, 400), Size(400, 321), Size(960, 320)])
every_scene = pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in KINDS for seed in SEEDS])


@cache
def small(kind: str, seed: int) -> Scene:
    return render_scene(kind, seed=seed, size=SMALL[kind])


@every_scene
def test_evidence_is_small_and_inside(kind: str, seed: int) -> None:
    scene = small(kind, seed)
    size = Size(*scene.image.size)
    assert size == SMALL[kind]
    for asked in scene.questions:
        assert asked.evidence
        for box in asked.evidence:
            assert box.within(size)
            assert box.area <= size.area / 16


@every_scene
def test_evidence_shows_something(kind: str, seed: int) -> None:
    scene = small(kind, seed)
    for asked in scene.questions:
        for box in asked.evidence:
            seen = np.asarray(scene.image)[box.top : box.bottom, box.left : box.right]
            assert seen.std(axis=(0, 1)).max() > 8, asked


@every_scene
def test_no_evidence_hides_another(kind: str, seed: int) -> None:
    boxes = [box for asked in small(kind, seed).questions for box in asked.evidence]
    # Rounding outwards to whole pixels lets neighbours share their rims.
    assert all(intersection_area(a, b) <= 0.2 * min(a.area, b.area) for a, b in combinations(boxes, 2))


@every_scene
def test_every_question_has_one_answer(kind: str, seed: int) -> None:
    questions = small(kind, seed).questions
    assert len(questions) >= 8
    assert len({asked.question for asked in questions}) == len(questions)
    assert all(asked.answer.strip() for asked in questions)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides_everything(kind: str) -> None:
    again = render_scene(kind, seed=0, size=SMALL[kind])
    assert again.questions == small(kind, 0).questions
    assert again.image.tobytes() == small(kind, 0).image.tobytes()
    assert again.image.tobytes() != small(kind, 1).image.tobytes()


def test_a_scene_is_high_resolution_unless_told() -> None:
    assert render_scene("street", seed=0).image.size == (2400, 1600)


def test_the_bus_is_asked_for_first() -> None:
    assert small("street", 0).questions[0].question.startswith("What number is on the ")


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 10_000), shapes)
def test_any_shape_can_be_drawn(kind: str, seed: int, size: Size) -> None:
    scene = render_scene(kind, seed=seed, size=size)
    assert scene.image.size == (size.width, size.height)
    assert all(box.within(size) for asked in scene.questions for box in asked.evidence)


@pytest.mark.parametrize("size", [Size(300, 400), Size(1300, 400), Size(400, 900)])
def test_an_unusual_size_is_refused(size: Size) -> None:
    with pytest.raises(InputError, match="a scene needs sides of 320 px or more, from 1:2 to 3:1"):
        render_scene("street", seed=0, size=size)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="a scene needs a kind of street, document, shelf, got 'beach'"):
        render_scene("beach", seed=0)
