"""Tables with a header, of any size: one row in memory at a time, each with the byte at which it starts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from semclip.errors import LogError, reason
from semclip.evaluation.datasets.reading import Rows
from semclip.logs.lines import unreadable
from semclip.logs.rows import Place

LARGEST_CELL = 2**29
"""Characters: a picture of 8K is some 20 million in base64. More is a quotation mark that nothing closes."""

_SHOWN_CELL = 60
"""Characters of each cell that are kept of a bad row."""


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a row and the byte at which it starts; where it cannot be read, no cells and the `flaw`."""

    start: int
    cells: tuple[str, ...]
    flaw: str = ""


def read_records(path: Path, delimiter: str, *, start: int = 0) -> Iterator[Record]:
    """Yield the rows from the byte `start` on, the header included; blank lines are left out.

    Raises: LogError where the file itself cannot be read.
    """
    # A limit of the whole process, by default 128 KiB.
    csv.field_size_limit(max(csv.field_size_limit(), LARGEST_CELL))
    try:
        with path.open("rb") as file:
            file.seek(start)
            # Bytes that are no UTF-8 become what no reader takes for text, so that only their row is bad.
            lines = (line.decode("utf-8", "surrogateescape") for line in iter(file.readline, b""))
            parsed = csv.reader(lines, delimiter=delimiter)
            while True:
                begin = file.tell()
                try:
                    cells = next(parsed, None)
                except csv.Error as error:
                    yield Record(begin, (), reason(error))
                    continue
                if cells is None:
                    return
                if cells:
                    yield Record(begin, tuple(cells))
    except OSError as error:
        raise unreadable(path, error) from error


def read_table(path: Path, delimiter: str, images: Path) -> Rows:
    """Yield the rows below the header as dictionaries of their cells, with their places, numbered from 1.

    Raises: LogError where the file cannot be read or is empty.
    """
    records = read_records(path, delimiter)
    names = header(path, next(records, None))
    for number, record in zip(count(1), records, strict=False):
        place = Place(path, number, images)
        flaw = record.flaw
        if not flaw and len(record.cells) != len(names):
            flaw = f"a row needs {len(names)} cells, got {len(record.cells)}"
        if flaw:
            yield place, place.bad([cell[:_SHOWN_CELL] for cell in record.cells], flaw)
        else:
            yield place, dict(zip(names, record.cells, strict=True))


def header(path: Path, record: Record | None) -> list[str]:
    """The names of the columns that the first row of `path` holds; LogError where there is none."""
    if record is None or record.flaw:
        raise LogError(f"a table needs a header, got {path}")
    return [name.removeprefix("\ufeff").strip() for name in record.cells]
