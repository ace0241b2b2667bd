"""What lessons ask of what they show."""

from __future__ import annotations

import random

from benchmarks.miniature.views import SCENE, questions_about
from benchmarks.miniature.world import Scene, Thing, draw_scene
from semclip.geometry import Box

CORNER = Box(0, 0, SCENE.width // 2, SCENE.height // 2)


def is_in_corner(thing: Thing) -> bool:
    return thing.edges[2] <= 0.5 and thing.edges[3] <= 0.5


def asked_in_corner(scene: Scene, *, seen: float) -> list[bool]:
    """Of each question, whether the corner answers it."""
    asked = questions_about(scene, [CORNER], random.Random(0), turns=40, seen=seen)
    return [all(map(is_in_corner, one.targets)) for one in asked]


def test_as_many_questions_as_told_are_about_what_is_shown() -> None:
    scenes = [draw_scene(seed) for seed in range(20)]
    shares = {}
    for seen in (1.0, 0.5, 0.0):
        answered = [one for scene in scenes for one in asked_in_corner(scene, seen=seen)]
        shares[seen] = sum(answered) / len(answered)
    assert shares[1.0] == 1
    assert 0.1 < shares[0.0] < shares[0.5] - 0.1 < shares[1.0] - 0.2
