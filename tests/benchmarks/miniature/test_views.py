"""What the miniature models are taught is true."""

from __future__ import annotations

import random
import re

import pytest

from benchmarks.miniature import views
from benchmarks.miniature.views import draw_lesson
from benchmarks.miniature.world import draw_wall


def test_what_is_sought_on_a_wall_is_there_as_often_as_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    wall = draw_wall(rng, sizes=(2,))
    monkeypatch.setattr(views, "draw_wall", lambda *_args, **_options: wall)
    monkeypatch.setattr(views, "_SINGLE", 1.0)
    monkeypatch.setattr(views, "_WALL", 1.0)
    there = {f"{thing.colour} sign" if thing.shape == "sign" else thing.shape for thing in wall.things}
    lessons = [draw_lesson("qwen", rng, progress=0.9) for _ in range(150)]
    sought = [asked for lesson in lessons for asked in lesson.asked if asked.kind == "sought"]
    for asked in sought:
        named = [name for name in there if re.search(rf"\b{name}\b", asked.question)]
        assert asked.answer == ("yes" if named else "no"), asked.question
    said_yes = [asked.answer for asked in sought].count("yes")
    assert 0.35 < said_yes / len(sought) < 0.65
    assert {"Can you tell" in asked.question for asked in sought} == {True, False}
