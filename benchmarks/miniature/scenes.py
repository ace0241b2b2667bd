"""Scenes as JPEG files with a log of questions: `python -m benchmarks.miniature.scenes OUT --count 250 --seed 1`.

Seeds below 10**9 are for these; the models are taught on others.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.miniature.drawing import render
from benchmarks.miniature.questions import KINDS, Asked, ask
from benchmarks.miniature.views import SCENE
from benchmarks.miniature.world import Scene, Thing, draw_scene
from semclip.cli.terminal import progress_bar
from semclip.files import write_atomic

_PER_SEED = 100_000
_TRIES = 20
_QUALITY = 92


def write_scenes(out: Path, *, count: int, seed: int, turns: int = 1) -> None:
    """OUT/questions.jsonl and OUT/images: as many scenes, at most `turns` questions of each kind about each of them."""
    rows = []
    with progress_bar("scenes") as advance:
        for number in range(count):
            scene = draw_scene(seed * _PER_SEED + number)
            name = f"images/{number:05}.jpg"
            buffer = io.BytesIO()
            render(scene, SCENE).save(buffer, "JPEG", quality=_QUALITY)
            write_atomic(out / name, buffer.getvalue())
            rows += [_row(f"{number:05}-{end}", name, asked) for end, asked in ask_each(scene, turns=turns)]
            advance(number + 1, count)
    write_atomic(out / "questions.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def ask_each(scene: Scene, *, turns: int = 1) -> Iterator[tuple[str, Asked]]:
    """At most `turns` questions of each kind that `scene` has something for, about different things, with a name."""
    rng = random.Random(f"asked {scene.seed}")
    for kind in KINDS:
        found: dict[tuple[Thing, ...], Asked] = {}
        for _ in range(_TRIES * turns):
            asked = ask(scene, kind, rng)
            if asked is not None:
                found.setdefault(asked.targets, asked)
            if len(found) == turns:
                break
        for number, asked in enumerate(found.values(), 1):
            yield kind if number == 1 else f"{kind}-{number}", asked


def _row(name: str, image: str, asked: Asked) -> dict[str, Any]:
    return {
        "id": name,
        "image": image,
        "question": asked.question,
        "answers": [asked.answer],
        "evidence": [_box(target) for target in asked.targets],
        "width": SCENE.width,
        "height": SCENE.height,
        "category": asked.kind,
    }


def _box(thing: Thing) -> list[int]:
    left, top, right, bottom = (edge * SCENE.width for edge in thing.edges)
    return [math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=250)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--turns", type=int, default=1, help="questions of each kind about a scene, at most")
    arguments = parser.parse_args()
    write_scenes(arguments.out, count=arguments.count, seed=arguments.seed, turns=arguments.turns)
