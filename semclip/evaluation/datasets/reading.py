"""What the readers of all benchmarks share: rows with places become items or bad lines, whatever file they come from.

Nothing here looks for pictures: whether an image is there is for whoever opens it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from semclip.errors import InputError, LogError
from semclip.evaluation.datasets.items import Item
from semclip.logs import BadLine
from semclip.logs.lines import unreadable
from semclip.logs.rows import Place, items, shown, text

Row = dict[str, Any]
Rows = Iterable[tuple[Place, Row | BadLine]]
Translate = Callable[[Row, Place], Item]
"""One row and where it stands -> the question; InputError for a row that is none."""

_LONGEST_TEXT = 200
"""Characters of each text that are kept of a bad row: some texts are pictures."""


def as_items(rows: Rows, translate: Translate) -> Iterator[Item | BadLine]:
    """Yield one value for each of `rows`, in order; a repeated id is told apart by its line, "7@12"."""
    seen: set[str] = set()
    for place, row in rows:
        item = row if isinstance(row, BadLine) else _translated(row, place, translate)
        if isinstance(item, Item):
            item = replace(item, id=f"{item.id}@{place.line}") if item.id in seen else item
            seen.add(item.id)
        yield item


def load_json(path: Path) -> Any:
    """What the whole file holds; LogError where it cannot be read or is no JSON."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise LogError(f"a benchmark needs to be JSON, got {path}: {error}") from error


def numbered(rows: object, source: Path, images: Path) -> Iterator[tuple[Place, Row | BadLine]]:
    """Yield the objects of a JSON list with their places; LogError where it is no list."""
    if not isinstance(rows, list):
        raise LogError(f"a benchmark needs a JSON list of questions, got {shown(rows)} in {source}")
    for number, row in enumerate(rows, start=1):
        place = Place(source, number, images)
        yield place, row if isinstance(row, dict) else place.bad(row, f"a row needs a JSON object, got {shown(row)}")


def image_folder(source: Path, images: Path | None, *names: str) -> Path:
    """`images`, or else the first of the folders `names` that there is beside `source`, or else the one it is in."""
    beside = (source.parent / name for name in names)
    return images or next((folder for folder in beside if folder.is_dir()), source.parent)


def name_of(row: Row, field: str) -> str:
    """The id in `field`, text or a whole number, as text."""
    value = row.get(field)
    return str(value) if type(value) is int else text(row, field)


def texts(row: Row, field: str) -> tuple[str, ...]:
    """The list of texts in `field`, of which one at least is not blank."""
    values = items(row, field)
    if not all(isinstance(value, str) for value in values) or not any(value.strip() for value in values):
        raise LogError(f"{field!r} needs a list of texts, got {shown(row.get(field))}")
    return tuple(values)


def letter_place(row: Row, field: str, letters: Sequence[str]) -> int:
    """The place among `letters` of the one in `field`, which may be in brackets and of either case."""
    letter = text(row, field).strip(" ().").upper()
    if letter not in letters:
        raise LogError(f"{field!r} needs one of {', '.join(letters)}, got {shown(row[field])}")
    return letters.index(letter)


def _translated(row: Row, place: Place, translate: Translate) -> Item | BadLine:
    try:
        return translate(row, place)
    except InputError as error:
        short = {name: value[:_LONGEST_TEXT] if isinstance(value, str) else value for name, value in row.items()}
        return place.bad(short, error)
