"""VQA logs: one JSON object a line -> Example.

    {"id", "image", "question", "answers": [], "evidence": [[left, top, right, bottom]], "width", "height", "split"}

Only `image` (relative to the log) and `question` are needed; null is the same as absent, other fields are ignored.
Knows the format and nothing of pictures: whether an image exists and has the stated size is for whoever opens it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semclip.errors import InputError, LogError
from semclip.geometry import Box, Size

LogId = str | int
"""As the log has it: text or a whole number."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question on one image, with the boxes that hold its answer where the log knows them."""

    id: LogId
    image: Path
    question: str
    answers: tuple[str, ...] = ()
    evidence: tuple[Box, ...] = ()
    size: Size | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no example: its id, or "<stem>:<line>" where none could be read, and what was wrong."""

    id: LogId
    error: LogError


def parse_lines(lines: Iterable[bytes | str], source: Path) -> Iterator[Example | BadLine]:
    """Yield one value per line that is not blank, in order; never raises for what a line holds.

    `source` names the log in messages and anchors its relative image paths. Ids may repeat here, in `parse_log` not.
    """
    return (line for _, line in _numbered(lines, source))


def parse_log(path: Path) -> Iterator[Example | BadLine]:
    """Yield every line of the file as an example or as what is wrong with it, a repeated id included.

    Raises: LogError where the file itself cannot be read.
    """
    seen: set[LogId] = set()
    try:
        with path.open("rb") as lines:
            for number, line in _numbered(lines, path):
                if isinstance(line, Example) and line.id in seen:
                    line = BadLine(line.id, LogError(f"{path}:{number}: an earlier line has the id {line.id!r} too"))
                seen.add(line.id)
                yield line
    except OSError as error:
        raise LogError(f"a log needs to be a readable file, got {path}: {error.strerror or error}") from error


def read_log(path: Path, *, split: str | None = None) -> Iterator[Example]:
    """Yield the examples of the file, or only those of `split`, in order and one line at a time.

    Raises: LogError, with file and line, at the first line that is malformed or repeats an id, whatever its split.
    """
    for line in parse_log(path):
        if isinstance(line, BadLine):
            raise line.error
        if split is None or line.split == split:
            yield line


def _numbered(lines: Iterable[bytes | str], source: Path) -> Iterator[tuple[int, Example | BadLine]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _parse_line(line, source, number)


def _parse_line(line: bytes | str, source: Path, number: int) -> Example | BadLine:
    row: dict[str, Any] = {}
    default_id = f"{source.stem}:{number}"
    try:
        row = _decode(line)
        return _example(row, source.parent, default_id)
    except InputError as error:
        return BadLine(_known_id(row, default_id), LogError(f"{source}:{number}: {error}"))


def _known_id(row: dict[str, Any], default_id: LogId) -> LogId:
    try:
        return _id(row, default_id)
    except LogError:
        return default_id


def _id(row: dict[str, Any], default_id: LogId) -> LogId:
    value = row.get("id")
    if value is None:
        return default_id
    return value if type(value) is int else _text(row, "id")


def _decode(line: bytes | str) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise LogError(f"a line needs one JSON object: {error}") from error
    if not isinstance(row, dict):
        raise LogError(f"a line needs one JSON object, got {_shown(row)}")
    return row


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no finite number")


def _example(row: dict[str, Any], folder: Path, default_id: str) -> Example:
    size = _size(row)
    return Example(
        id=_id(row, default_id),
        image=folder / _text(row, "image"),
        question=_text(row, "question"),
        answers=_answers(row),
        evidence=tuple(_box(value, size) for value in _list(row, "evidence")),
        size=size,
        split=None if row.get("split") is None else _text(row, "split"),
    )


def _text(row: dict[str, Any], field: str) -> str:
    if field not in row:
        raise LogError(f"{field!r} is missing")
    value = row[field]
    if not isinstance(value, str) or not _is_text(value):
        raise LogError(f"{field!r} needs text, got {_shown(value)}")
    return value


def _is_text(value: str) -> bool:
    """Whether something is there that can be encoded and, as a path, opened: no NUL, no half of a surrogate pair."""
    return bool(value.strip()) and not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)


def _list(row: dict[str, Any], field: str) -> list[Any]:
    value = row.get(field)
    if value is not None and not isinstance(value, list):
        raise LogError(f"{field!r} needs a list, got {_shown(value)}")
    return value or []


def _answers(row: dict[str, Any]) -> tuple[str, ...]:
    answers = _list(row, "answers")
    if not all(isinstance(answer, str) for answer in answers):
        raise LogError(f"'answers' needs a list of texts, got {_shown(answers)}")
    return tuple(answers)


def _size(row: dict[str, Any]) -> Size | None:
    width, height = row.get("width"), row.get("height")
    if width is None and height is None:
        return None
    if type(width) is not int or type(height) is not int:
        raise LogError(f"'width' and 'height' need two whole numbers or neither, got {_shown([width, height])}")
    return Size(width, height)


def _box(value: Any, size: Size | None) -> Box:
    """The smallest whole-pixel box around `value`, inside `size` where that is known."""
    if not isinstance(value, list) or len(value) != 4 or not all(_is_finite(edge) for edge in value):
        raise LogError(f"an evidence box needs 4 finite numbers, got {_shown(value)}")
    left, top, right, bottom = value
    if left >= right or top >= bottom:
        raise LogError(f"an evidence box needs left < right and top < bottom, got {_shown(value)}")
    box = Box(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))
    if size is not None and not box.within(size):
        raise LogError(f"an evidence box needs to lie inside the stated {size}, got {_shown(value)}")
    return box


def _is_finite(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _shown(value: Any) -> str:
    """`value` as JSON, cut so that a message stays one readable line."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
