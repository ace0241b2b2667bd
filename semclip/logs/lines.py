"""VQA logs as JSON lines: one object a line -> Example, one line in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from semclip.errors import LogError
from semclip.logs.rows import BadLine, Example, Place, read_row, reject, shown


def parse_lines(lines: Iterable[bytes | str], source: Path) -> Iterator[Example | BadLine]:
    """Yield one value per line that is not blank, in order; never raises for what a line holds.

    `source` names the log in messages and anchors its relative image paths. Ids may repeat here, in `parse_log` not.
    """
    for place, row in decode_lines(lines, source, source.parent):
        yield row if isinstance(row, BadLine) else read_row(row, place)


def parse_log(path: Path) -> Iterator[Example | BadLine]:
    """Yield every line of the file as an example or as what is wrong with it, a repeated id included.

    Raises: LogError where the file itself cannot be read.
    """
    try:
        with path.open("rb") as lines:
            yield from without_repeats(parse_lines(lines, path), path)
    except OSError as error:
        raise unreadable(path, error) from error


def read_log(path: Path, *, split: str | None = None) -> Iterator[Example]:
    """Yield the examples of the file, or only those of `split`, in order and one line at a time.

    Raises: LogError, with file and line, at the first line that is malformed or repeats an id, whatever its split.
    """
    for line in parse_log(path):
        if isinstance(line, BadLine):
            raise line.error
        if split is None or line.split == split:
            yield line


def decode_lines(
    lines: Iterable[bytes | str], source: Path, images: Path
) -> Iterator[tuple[Place, dict[str, Any] | BadLine]]:
    """Yield where it stands and the JSON object of each line that is not blank, in order."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = Place(source, number, images)
            yield place, _decode(line, place)


def without_repeats(rows: Iterable[Example | BadLine], source: Path) -> Iterator[Example | BadLine]:
    """Yield the rows; an example with the id of an earlier one becomes a bad line. Remembers every id, as text."""
    seen: set[str] = set()
    for row in rows:
        if isinstance(row, Example):
            name = str(row.id)
            row = reject(row, source, f"an earlier line has the id too, got {row.id!r}") if name in seen else row
            seen.add(name)
        yield row


def unreadable(path: Path, error: OSError) -> LogError:
    """What is raised where the file of a log cannot be read."""
    return LogError(f"a log needs to be a readable file, got {path}: {error.strerror or error}")


def _decode(line: bytes | str, place: Place) -> dict[str, Any] | BadLine:
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return place.bad(line, f"a line needs one JSON object: {error}")
    return row if isinstance(row, dict) else place.bad(line, f"a line needs one JSON object, got {shown(row)}")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no finite number")
