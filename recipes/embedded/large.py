"""Large pictures with small things: `python -m recipes.embedded.large DATA OUT` writes a question set.

Nine pictures of the everyday set side by side, and the questions about one of them: 1920 x 1440 px, of which the thing
asked for takes a seven-hundredth in the median. A stand-in for large photos, of which there is no set to tune on: what
lies around the thing is not as in a photo.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from semclip.geometry import Size

SIDE = 3
TILE = Size(640, 480)
Row = dict[str, Any]


def main(data: Path, out: Path) -> None:
    """Writes OUT/questions.jsonl and OUT/images: the dev questions of everyday, every picture among eight others."""
    folder = data / "everyday"
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    asked: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["split"] == "dev":
            asked[row["image"]].append(row)
    (out / "images").mkdir(parents=True, exist_ok=True)
    found = [line for image in asked for line in _wall(folder, asked, image, out)]
    (out / "questions.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in found))


def _wall(folder: Path, asked: dict[str, list[Row]], image: str, out: Path) -> list[Row]:
    """The rows of one wall, which is then in OUT/images."""
    rng = Random(image)
    wanted = answers(asked[image])
    others = [name for name, rows in asked.items() if not answers(rows) & wanted]
    shown = rng.sample(others, SIDE**2 - 1)
    place = rng.randrange(SIDE**2)
    shown.insert(place, image)
    wall = Image.new("RGB", (SIDE * TILE.width, SIDE * TILE.height))
    for index, name in enumerate(shown):
        with Image.open(folder / name) as picture:
            tile = picture.convert("RGB").resize((TILE.width, TILE.height), Image.Resampling.LANCZOS)
        wall.paste(tile, corner(index))
    target = f"images/{Path(image).stem}.jpg"
    wall.save(out / target, quality=90)
    sizes = {"image": target, "width": wall.width, "height": wall.height}
    return [row | sizes | {"evidence": moved(row, corner(place))} for row in asked[image]]


def answers(rows: list[Row]) -> set[str]:
    """What some rows ask for: another picture that shows it as well is no ground to hide it on."""
    return {answer for row in rows for answer in row["answers"]}


def corner(index: int) -> tuple[int, int]:
    """Where the tile of that number begins."""
    return index % SIDE * TILE.width, index // SIDE * TILE.height


def moved(row: Row, start: tuple[int, int]) -> list[list[int]]:
    """The evidence of a picture that was shrunk to a tile and begins at `start`."""
    scale = TILE.width / row["width"], TILE.height / row["height"]
    return [[round(start[i % 2] + scale[i % 2] * side) for i, side in enumerate(box)] for box in row["evidence"]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    main(arguments.data, arguments.out)
