"""The miniature world: what is drawn by lot, what is asked about it, what can be seen."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.miniature.drawing import render
from benchmarks.miniature.questions import KINDS, answers_of, ask
from benchmarks.miniature.scenes import ask_each, write_scenes
from benchmarks.miniature.views import SCENE
from benchmarks.miniature.world import Scene, Thing, draw_scene, draw_wall
from semclip import images
from semclip.geometry import Size
from semclip.logs import read_log

seeds = st.integers(0, 10**9)


def apart(a: Thing, b: Thing) -> bool:
    far_x = abs(a.x - b.x) >= (a.width + b.width) / 2
    return far_x or abs(a.y - b.y) >= (a.height + b.height) / 2


@given(seeds)
def test_things_lie_in_the_scene_and_touch_no_other(seed: int) -> None:
    things = draw_scene(seed).things
    for place, thing in enumerate(things):
        assert all(0 <= edge <= 1 for edge in thing.edges)
        assert all(apart(thing, other) for other in things[:place])


@given(seeds)
def test_a_seed_is_a_scene(seed: int) -> None:
    assert draw_scene(seed) == draw_scene(seed)
    assert draw_scene(seed) != draw_scene(seed + 1)


@given(seeds)
def test_what_is_asked_for_is_there_once(seed: int) -> None:
    scene = draw_scene(seed)
    for _, asked in ask_each(scene, turns=3):
        assert asked.answer in answers_of(asked.kind)
        for target in asked.targets:
            alike = [
                thing
                for thing in scene.things
                if thing.shape == target.shape and (target.shape != "sign" or thing.colour == target.colour)
            ]
            assert alike == [target]


@given(seeds)
def test_the_answer_is_what_the_targets_show(seed: int) -> None:
    for _, asked in ask_each(draw_scene(seed)):
        assert asked.answer in _shown(asked.kind, *asked.targets)


def _shown(kind: str, first: Thing, second: Thing | None = None) -> set[str]:
    if second is None:
        return {first.colour if kind == "colour" else first.text}
    if kind == "same":
        return {"yes" if first.colour == second.colour else "no"}
    return _sides(first, second)


def _sides(first: Thing, second: Thing) -> set[str]:
    return {"left" if first.x < second.x else "right", "above" if first.y < second.y else "below"}


def test_same_is_asked_with_either_answer_about_as_often() -> None:
    rng = random.Random(0)
    asked = [ask(draw_scene(seed), "same", rng) for seed in range(400)]
    yes = [one.answer == "yes" for one in asked if one is not None]
    assert 0.35 < sum(yes) / len(yes) < 0.65


@given(seeds, st.floats(0.0, 0.7), st.floats(0.0, 0.7))
def test_a_window_shows_what_the_whole_shows_there(seed: int, left: float, top: float) -> None:
    scene = draw_scene(seed)
    left, top = round(left * 16) / 16, round(top * 16) / 16
    whole = render(scene, Size(512, 512)).crop(
        (round(left * 512), round(top * 512), round((left + 0.25) * 512), round((top + 0.25) * 512))
    )
    window = render(scene, Size(128, 128), (left, top, left + 0.25, top + 0.25))
    difference = np.abs(np.asarray(whole, np.float64) - np.asarray(window, np.float64))
    assert difference.mean() < 4


def test_a_thing_has_its_colour() -> None:
    thing = Thing("square", "blue", "1", 0.5, 0.5, 0.5, 0.5, 0.0)
    picture = render(Scene(0, ((128, 128, 128), (128, 128, 128)), (thing,)), Size(64, 64))
    assert picture.getpixel((20, 20)) == (42, 84, 200)


def test_a_wall_has_as_many_things_as_cells() -> None:
    counts = {len(draw_wall(random.Random(seed)).things) for seed in range(60)}
    assert counts == {4, 9, 16, 25}


def test_scenes_are_written_as_a_log_that_semclip_reads(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=2, seed=3)
    rows = list(read_log(tmp_path / "questions.jsonl"))
    assert len({row.image for row in rows}) == 2
    assert {images.load(row.image).size for row in rows} == {SCENE}
    assert all(1 <= len(row.evidence) <= 2 for row in rows)
    kinds = {json.loads(line)["category"] for line in (tmp_path / "questions.jsonl").read_text().splitlines()}
    assert kinds <= set(KINDS)


@given(seeds)
def test_more_turns_ask_more_and_nothing_twice(seed: int) -> None:
    few, many = (dict(ask_each(draw_scene(seed), turns=turns)) for turns in (1, 4))
    assert set(few) == set(many) & set(KINDS)
    assert len({(asked.kind, asked.targets) for asked in many.values()}) == len(many) > len(few)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_asked(kind: str) -> None:
    assert any(asked.kind == kind for seed in range(20) for _, asked in ask_each(draw_scene(seed)))
