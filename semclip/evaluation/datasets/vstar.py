"""V*Bench: a folder for each category, in it pictures, each with a JSON file of the same stem.

    {"target_object": ["the bus"], "bbox": [[x, y, width, height]], "question", "options": [right, wrong, ...]}

The right option is listed first, always: whoever shows the options as published gives the answer away (Wu & Xie, V*:
Guided Visual Search as a Core Mechanism in Multimodal LLMs, arXiv 2312.14135; its vstar_bench_eval.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from semclip.errors import LogError
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.datasets.reading import Row, as_items, load_json, texts
from semclip.geometry import Box
from semclip.logs import BadLine
from semclip.logs.rows import Place, items, shown, text

CATEGORIES = ("direct_attributes", "relative_position")
"""What the published score counts; where these folders are, others beside them are left out."""

ANNOTATION = ".json"


def question_files(folder: Path) -> list[Path]:
    """The JSON files of the benchmark in `folder`, in the order in which they are read."""
    every = sorted(folder.glob(f"*/*{ANNOTATION}"))
    return [path for path in every if path.parent.name in CATEGORIES] or every


def is_vstar(folder: Path) -> bool:
    """Whether some folder in it has a JSON file with a picture of the same stem."""
    return any(_picture(path) is not None for path in question_files(folder))


def read_vstar(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the folder `path`; its pictures stand beside their JSON files, `images` is not needed."""
    return as_items(_rows(question_files(path)), _item)


def _rows(files: list[Path]) -> Iterator[tuple[Place, Row | BadLine]]:
    for file in files:
        place = Place(file, 1, file.parent)
        try:
            row = load_json(file)
        except LogError as error:
            yield place, place.bad("", error)
        else:
            yield place, row if isinstance(row, dict) else place.bad(row, f"a JSON object is needed, got {shown(row)}")


def _item(row: Row, place: Place) -> Item:
    picture = _picture(place.source)
    if picture is None:
        raise LogError(f"a question needs a picture beside it, got none for {place.source.name}")
    options = texts(row, "options")
    category = place.source.parent.name
    return Item(
        id=f"{category}/{place.source.stem}",
        image=picture,
        question=text(row, "question"),
        answers=options[:1],
        options=options,
        right=0,
        evidence=tuple(_box(value) for value in items(row, "bbox")),
        category=category,
    )


def _picture(annotation: Path) -> Path | None:
    beside = sorted(path for path in annotation.parent.glob("*") if path.stem == annotation.stem)
    return next((path for path in beside if path.suffix.lower() != ANNOTATION), None)


def _box(value: object) -> Box:
    """The smallest whole-pixel box around x, y, width, height; what lies left of the picture or above it is cut off."""
    match value:
        case [int() | float() as x, int() | float() as y, int() | float() as width, int() | float() as height]:
            if all(map(math.isfinite, (x, y, width, height))):
                right, bottom = math.ceil(x + width), math.ceil(y + height)
                return Box(max(0, math.floor(x)), max(0, math.floor(y)), right, bottom)
    raise LogError(f"'bbox' needs boxes of x, y, width, height, got {shown(value)}")
