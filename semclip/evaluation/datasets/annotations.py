"""Benchmarks that are one JSON file beside a folder of pictures. The file is read whole: 100 MB at most.

TextVQA (Singh et al., arXiv 1904.08920), TextVQA_0.5.1_*.json:
    {"data": [{"image_id", "question", "question_id", "answers": [ten texts], ...}]}
DocVQA (Mathew et al., arXiv 2007.00398) and InfographicVQA (arXiv 2104.12756):
    {"data": [{"questionId", "question", "image" | "image_local_name", "answers": [texts], ...}]}
GQA (Hudson & Manning, arXiv 1902.09506), *_balanced_questions.json:
    {id: {"imageId", "question", "answer", "types": {"structural", ...}, ...}}
MME-RealWorld (Zhang et al., arXiv 2408.13257):
    [{"Question_id", "Image", "Text", "Answer choices": ["(A) ...", ...], "Ground truth": "A", "Task", "Subtask", ...}]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase

from semclip.errors import LogError
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.datasets.reading import (
    Row,
    Rows,
    as_items,
    image_folder,
    letter_place,
    load_json,
    name_of,
    numbered,
    texts,
)
from semclip.logs import BadLine
from semclip.logs.rows import Place, shown, text

_SCANS = "spdocvqa_images"
"""DocVQA's folder of pictures. Its questions name them documents/NAME, as an older archive had them."""


def read_textvqa(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the file; a picture is IMAGE_ID.jpg in `images`."""
    folder = image_folder(path, images, "train_images", "test_images", "images")
    return as_items(_data(path, folder), _textvqa)


def read_docvqa(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the file; pictures are named relative to `images`."""
    names = (_SCANS, "infographicsvqa_images", f"../{_SCANS}", "../infographicsvqa_images", "images")
    return as_items(_data(path, image_folder(path, images, *names)), _docvqa)


def read_gqa(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the file; a picture is IMAGE_ID.jpg in `images`."""
    return as_items(_gqa_rows(path, image_folder(path, images, "images", "../images")), _gqa)


def read_mme_realworld(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the file; pictures are named relative to `images`."""
    folder = image_folder(path, images, "data", "images")
    yield from as_items(numbered(load_json(path), path, folder), _mme_realworld)


def _data(path: Path, images: Path) -> Rows:
    held = load_json(path)
    if not isinstance(held, dict):
        raise LogError(f"a benchmark needs an object with 'data', got {shown(held)} in {path}")
    yield from numbered(held.get("data"), path, images)


def _gqa_rows(path: Path, images: Path) -> Rows:
    held = load_json(path)
    if not isinstance(held, dict):
        raise LogError(f"GQA needs an object of questions, got {shown(held)} in {path}")
    for number, (name, row) in enumerate(held.items(), start=1):
        place = Place(path, number, images)
        yield place, {**row, "id": name} if isinstance(row, dict) else place.bad(row, f"no question, got {shown(row)}")


def _textvqa(row: Row, place: Place) -> Item:
    return Item(
        id=name_of(row, "question_id"),
        image=place.images / f"{name_of(row, 'image_id')}.jpg",
        question=text(row, "question"),
        answers=texts(row, "answers"),
    )


def _docvqa(row: Row, place: Place) -> Item:
    picture = text(row, "image_local_name" if "image_local_name" in row else "image")
    return Item(
        id=name_of(row, "questionId"),
        image=place.images / (picture.removeprefix("documents/") if place.images.name == _SCANS else picture),
        question=text(row, "question"),
        answers=texts(row, "answers"),
    )


def _gqa(row: Row, place: Place) -> Item:
    types = row.get("types")
    kind = types.get("structural") if isinstance(types, dict) else None
    return Item(
        id=name_of(row, "id"),
        image=place.images / f"{name_of(row, 'imageId')}.jpg",
        question=text(row, "question"),
        answers=(text(row, "answer"),),
        category=kind if isinstance(kind, str) else "",
    )


def _mme_realworld(row: Row, place: Place) -> Item:
    choices = texts(row, "Answer choices")
    letters = ascii_uppercase[: len(choices)]
    options = tuple(
        choice.removeprefix(f"({letter})").strip() for letter, choice in zip(letters, choices, strict=False)
    )
    right = letter_place(row, "Ground truth", list(letters))
    kinds = (row.get("Task"), row.get("Subtask"))
    return Item(
        id=name_of(row, "Question_id"),
        image=place.images / text(row, "Image"),
        question=text(row, "Text"),
        answers=(options[right],),
        options=options,
        right=right,
        category="/".join(kind for kind in kinds if isinstance(kind, str) and kind),
    )
