"""Opening a log of any format, and telling which it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, Any, Literal, get_args

from semclip.errors import LogError
from semclip.logs import conversations
from semclip.logs.lines import decode_lines, unreadable, without_repeats
from semclip.logs.parquet import MAGIC, read_parquet
from semclip.logs.rows import BadLine, Example, LogId, Place, read_row, row_id, shown

Format = Literal["auto", "jsonl", "parquet", "llava", "visual-cot"]
FORMATS: tuple[Format, ...] = get_args(Format)

Progress = Callable[[int, int], None]
"""Called with (done, total), in bytes or rows."""

_Row = dict[str, Any]
_Rows = Iterator[tuple[Place, _Row | BadLine]]
_Translate = Callable[[_Row, LogId], Iterable[_Row]]

_LINES_SUFFIXES = (".jsonl", ".ndjson")
_ROWS_A_REPORT = 1000
_LOOKED_AT = 100
"""Rows at the beginning among which the first that can be read says what the format is."""


def open_log(
    path: Path, *, format: Format = "auto", images: Path | None = None, progress: Progress | None = None
) -> Iterator[Example | BadLine]:
    """Yield every row of the log as an example or as what is wrong with it, a repeated id included.

    `format`: "auto" goes by the file's suffix and first rows. `images`: the folder to which image paths are relative,
    the log's own where it is None. JSON lines and Parquet are read row by row, of which only the ids are kept; a file
    that is one JSON list is read whole. A conversation is a row for each of its questions.

    Raises: LogError where the file cannot be read in that format, MissingExtra where Parquet needs pyarrow.
    """
    folder = path.parent if images is None else images
    try:
        with path.open("rb") as file:
            yield from without_repeats(_read(file, path, folder, format, _now_and_then(progress)), path)
    except OSError as error:
        raise unreadable(path, error) from error


def _read(file: IO[bytes], path: Path, images: Path, format: Format, progress: Progress) -> Iterator[Example | BadLine]:
    start = file.peek()  # type: ignore[attr-defined]  # of BufferedReader
    if format == "parquet" or (format == "auto" and start.startswith(MAGIC)):
        return _translated(_parquet_rows(path, images, progress), _as_it_is)
    listed = path.suffix.lower() not in _LINES_SUFFIXES and start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    if listed and format != "jsonl":
        rows = _list_rows(file, path, images, progress)
    else:
        rows = decode_lines(_counted(file, path.stat().st_size, progress), path, images)
    head = list(islice(rows, _LOOKED_AT))
    named = _guess(row for _, row in head) if format == "auto" else format
    rows = chain(head, rows)
    if named == "llava":
        return _translated(_told_apart(rows), conversations.from_llava)
    return _translated(rows, conversations.from_visual_cot if named == "visual-cot" else _as_it_is)


def _guess(rows: Iterable[_Row | BadLine]) -> Format:
    first = next((row for row in rows if not isinstance(row, BadLine)), {})
    if conversations.is_visual_cot(first):
        return "visual-cot"
    return "llava" if conversations.is_llava(first) else "jsonl"


def _translated(rows: _Rows, translate: _Translate) -> Iterator[Example | BadLine]:
    for place, row in rows:
        if isinstance(row, BadLine):
            yield row
            continue
        try:
            translated = list(translate(row, row_id(row, place.default_id)))
        except LogError as error:
            yield place.bad(row, error)
        else:
            yield from (read_row(one, place) for one in translated)


def _as_it_is(row: _Row, known_as: LogId) -> Iterable[_Row]:
    return (row,)


def _told_apart(rows: _Rows) -> _Rows:
    """Conversations with ids of their own: in LLaVA's an id often names the picture, and each talk about it has it."""
    seen: set[str] = set()
    for place, row in rows:
        if isinstance(row, dict) and row.get("id") is not None:
            name = str(row["id"])
            row = {**row, "id": f"{name}@{place.line}"} if name in seen else row
            seen.add(name)
        yield place, row


def _parquet_rows(path: Path, images: Path, progress: Progress) -> _Rows:
    for number, total, row in read_parquet(path):
        progress(number, total)
        yield Place(path, number, images), row


def _list_rows(file: IO[bytes], path: Path, images: Path, progress: Progress) -> _Rows:
    try:
        rows = json.load(file)
    except (ValueError, RecursionError) as error:
        raise LogError(f"a log needs to be a JSON list or JSON lines, got {path}: {error}") from error
    for number, row in enumerate(rows, start=1):
        place = Place(path, number, images)
        progress(number, len(rows))
        yield place, row if isinstance(row, dict) else place.bad(row, f"a row needs a JSON object, got {shown(row)}")


def _counted(lines: Iterable[bytes], total: int, progress: Progress) -> Iterator[bytes]:
    done = 0
    for line in lines:
        done += len(line)
        progress(done, total)
        yield line


def _now_and_then(progress: Progress | None) -> Progress:
    """The same for one row in many: a bar that is drawn for each would take longer than reading."""
    calls = count()

    def report(done: int, total: int) -> None:
        if progress is not None and (next(calls) % _ROWS_A_REPORT == 0 or done == total):
            progress(done, total)

    return report
