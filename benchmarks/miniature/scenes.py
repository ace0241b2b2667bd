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


def write_scenes(out: Path, *, count: int, seed: int) -> None:
    """OUT/questions.jsonl and OUT/images: as many scenes, a question of each kind about each of them."""
    rows = []
    with progress_bar("scenes") as advance:
        for number in range(count):
            scene = draw_scene(seed * _PER_SEED + number)
            name = f"images/{number:05}.jpg"
            buffer = io.BytesIO()
            render(scene, SCENE).save(buffer, "JPEG", quality=_QUALITY)
            write_atomic(out / name, buffer.getvalue())
            rows += [_row(asked, name, number) for asked in ask_each(scene)]
            advance(number + 1, count)
    write_atomic(out / "questions.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def ask_each(scene: Scene) -> Iterator[Asked]:
    """One question of each kind that `scene` has something for."""
    rng = random.Random(f"asked {scene.seed}")
    for kind in KINDS:
        tries = (ask(scene, kind, rng) for _ in range(_TRIES))
        asked = next((one for one in tries if one is not None), None)
        if asked is not None:
            yield asked


def _row(asked: Asked, image: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{number:05}-{asked.kind}",
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
    arguments = parser.parse_args()
    write_scenes(arguments.out, count=arguments.count, seed=arguments.seed)
