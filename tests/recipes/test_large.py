"""Walls of pictures: the evidence moves with its picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from recipes.embedded import large

RED = (220, 20, 20)


def test_the_evidence_is_where_the_wall_shows_it(tmp_path: Path) -> None:
    write_everyday(tmp_path / "everyday")
    large.main(tmp_path, tmp_path / "walls")
    rows = [json.loads(line) for line in (tmp_path / "walls" / "questions.jsonl").read_text().splitlines()]
    assert len(rows) == 10
    assert {row["split"] for row in rows} == {"dev"}
    for row in rows:
        wall = np.asarray(Image.open(tmp_path / "walls" / row["image"]).convert("RGB")).astype(int)
        assert wall.shape == (row["height"], row["width"], 3) == (1440, 1920, 3)
        level = int(row["answers"][0])
        red = (wall[..., 0] - wall[..., 1] > 120) & (abs(wall[..., 2] - level) < 25)
        ((left, top, right, bottom),) = row["evidence"]
        assert red[top + 4 : bottom - 4, left + 4 : right - 4].mean() > 0.95


def write_everyday(folder: Path) -> None:
    """Ten dev pictures of two sizes with a red square each, in ten shades, and a train picture."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(11):
        width, height = (320, 200) if number % 2 else (200, 320)
        pixels = np.full((height, width, 3), 128, np.uint8)
        pixels[20:90, 30:110] = (*RED[:2], number * 20)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        row = {"id": str(number), "image": f"images/{number}.png", "question": "?", "answers": [str(number * 20)]}
        split = "train" if number == 10 else "dev"
        rows.append(row | {"evidence": [[30, 20, 110, 90]], "width": width, "height": height, "split": split})
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
