"""One row of a VQA log, whatever file it came from: a dictionary -> Example, or what is wrong with it.

    {"id", "image", "question", "answers": [], "evidence": [[left, top, right, bottom]], "width", "height", "split",
     "category"}

Only `image` (relative to the log) and `question` are needed; None is the same as absent, other fields are ignored.
Knows nothing of files and pictures: whether an image exists and has the stated size is for whoever opens it.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from semclip.errors import InputError, LogError
from semclip.geometry import Box, Size

LogId = str | int
"""As the log has it: text or a whole number."""

_LONGEST_ROW = 2000
"""Characters of a bad row that are kept: enough to find it again."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question on one image, with the boxes that hold its answer where the log knows them.

    `line`: its line or row in the log, from 1; 0 where there is no log.
    """

    id: LogId
    image: Path
    question: str
    answers: tuple[str, ...] = ()
    evidence: tuple[Box, ...] = ()
    size: Size | None = None
    split: str | None = None
    category: str | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line, or row, of a log that is no usable example, and why.

    `id`: its own, or "<stem>:<line>" where none could be read. `line`: from 1. `row`: its text, cut to 2,000
    characters. `split`: its own, None where it has none or none could be read.
    """

    id: LogId
    source: Path
    line: int
    reason: str
    row: str = ""
    split: str | None = None

    @property
    def error(self) -> LogError:
        return LogError(f"{self.source}:{self.line}: {self.reason}")

    def to_dict(self) -> dict[str, Any]:
        """A line of a reject file."""
        source = str(self.source)
        return {"source": source, "line": self.line, "id": self.id, "reason": self.reason, "row": self.row}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: the log, its line from 1, and the folder to which image paths are relative."""

    source: Path
    line: int
    images: Path

    @property
    def default_id(self) -> str:
        return f"{self.source.stem}:{self.line}"

    def bad(self, row: object, reason: object) -> BadLine:
        """The row that is here as a bad line, under its own id and of its own split where it has one."""
        fields = row if isinstance(row, dict) else {}
        name, split = _known_id(fields, self.default_id), fields.get("split")
        known_split = split if isinstance(split, str) else None
        return BadLine(name, self.source, self.line, str(reason), row_text(row), known_split)


def read_row(row: dict[str, Any], place: Place) -> Example | BadLine:
    """The row as an example, or what is wrong with it; never raises."""
    try:
        return _example(row, place)
    except InputError as error:
        return place.bad(row, error)


def to_row(example: Example, folder: Path) -> dict[str, Any]:
    """The example as a row of a log in `folder`: to read it there gives the same example again.

    The image's path is relative to `folder` wherever the system has such a path.
    """
    row: dict[str, Any] = {"id": example.id, "image": _relative(example.image, folder), "question": example.question}
    row |= {"answers": list(example.answers)} if example.answers else {}
    row |= {"evidence": [box.to_list() for box in example.evidence]} if example.evidence else {}
    row |= {"width": example.size.width, "height": example.size.height} if example.size else {}
    row |= {"split": example.split} if example.split else {}
    return row | ({"category": example.category} if example.category else {})


def reject(example: Example, source: Path, reason: str) -> BadLine:
    """The example of the log `source` as a bad line."""
    row = row_text(to_row(example, source.parent))
    return BadLine(example.id, source, example.line, reason, row, example.split)


def row_id(row: dict[str, Any], default_id: LogId) -> LogId:
    """The row's own id, or `default_id` where it has none; LogError for what is neither text nor a whole number."""
    value = row.get("id")
    if value is None:
        return default_id
    return value if type(value) is int else text(row, "id")


def text(row: dict[str, Any], name: str) -> str:
    """The field called `name`; LogError unless it is text that is not blank and can be encoded."""
    if name not in row:
        raise LogError(f"{name!r} is missing")
    value = row[name]
    if not isinstance(value, str) or not _is_text(value):
        raise LogError(f"{name!r} needs text, got {shown(value)}")
    return value


def items(row: dict[str, Any], name: str) -> list[Any]:
    """The field called `name`, empty where it is absent; LogError unless it is a list."""
    value = row.get(name)
    if value is not None and not isinstance(value, list):
        raise LogError(f"{name!r} needs a list, got {shown(value)}")
    return value or []


def shown(value: object) -> str:
    """`value` as JSON, cut so that a message stays one readable line."""
    json_text = _json(value)
    return json_text if len(json_text) <= 60 else f"{json_text[:57]}..."


def row_text(row: object) -> str:
    """A row as it stands in a reject file."""
    if isinstance(row, bytes):
        row = row.decode(errors="replace")
    if not isinstance(row, str):
        row = _json(row, ensure_ascii=False)
    return row.strip()[:_LONGEST_ROW]


def _json(value: object, *, ensure_ascii: bool = True) -> str:
    try:
        return json.dumps(value, default=repr, ensure_ascii=ensure_ascii)
    except RecursionError:  # what could just be read need not be shallow enough to be written
        return "a deep nest"


def _relative(image: Path, folder: Path) -> str:
    # Real paths: through a link, ".." leads elsewhere. Only of folders: a linked image keeps its name.
    try:
        return os.path.relpath(_real(image.parent) / image.name, _real(folder))
    except ValueError:  # on another drive of Windows
        return os.path.abspath(image)


@lru_cache(1024)
def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _known_id(row: dict[str, Any], default_id: LogId) -> LogId:
    try:
        return row_id(row, default_id)
    except LogError:
        return default_id


def _example(row: dict[str, Any], place: Place) -> Example:
    size = _size(row)
    return Example(
        id=row_id(row, place.default_id),
        image=place.images / text(row, "image"),
        question=text(row, "question"),
        answers=_answers(row),
        evidence=tuple(_box(value, size) for value in items(row, "evidence")),
        size=size,
        split=None if row.get("split") is None else text(row, "split"),
        category=None if row.get("category") is None else text(row, "category"),
        line=place.line,
    )


def _is_text(value: str) -> bool:
    """Whether something is there that can be encoded and, as a path, opened: no NUL, no half of a surrogate pair."""
    return bool(value.strip()) and not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)


def _answers(row: dict[str, Any]) -> tuple[str, ...]:
    answers = items(row, "answers")
    if not all(isinstance(answer, str) for answer in answers):
        raise LogError(f"'answers' needs a list of texts, got {shown(answers)}")
    return tuple(answers)


def _size(row: dict[str, Any]) -> Size | None:
    sides = row.get("width"), row.get("height")
    if sides == (None, None):
        return None
    # Tables with gaps have whole numbers as floats.
    width, height = (int(side) if type(side) is float and side.is_integer() else side for side in sides)
    if type(width) is not int or type(height) is not int:
        raise LogError(f"'width' and 'height' need two whole numbers or neither, got {shown(sides)}")
    return Size(width, height)


def _box(value: Any, size: Size | None) -> Box:
    """The smallest whole-pixel box around `value`, inside `size` where that is known."""
    if not isinstance(value, list) or len(value) != 4 or not all(_is_finite(edge) for edge in value):
        raise LogError(f"an evidence box needs 4 finite numbers, got {shown(value)}")
    left, top, right, bottom = value
    if left >= right or top >= bottom:
        raise LogError(f"an evidence box needs left < right and top < bottom, got {shown(value)}")
    box = Box(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))
    if size is not None and not box.within(size):
        raise LogError(f"an evidence box needs to lie inside the stated {size}, got {shown(value)}")
    return box


def _is_finite(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
