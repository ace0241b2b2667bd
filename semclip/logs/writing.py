"""Writing logs and reject files: JSON lines, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semclip.errors import LogError
from semclip.files import open_atomic
from semclip.logs.rows import BadLine

Write = Callable[[Mapping[str, Any]], None]


@contextmanager
def open_lines(path: Path) -> Iterator[Write]:
    """What to call with each object; when the block ends, `path` holds them, one a line. An error leaves it as it was.

    Raises: LogError where the file cannot be written.
    """
    try:
        with open_atomic(path) as file:
            yield lambda row: _write(file.write, row)
    except OSError as error:
        raise LogError(f"rows need a file that can be written, got {path}: {error.strerror or error}") from error


def write_rejects(path: Path, rejects: Iterable[BadLine]) -> int:
    """How many rows the reject file then holds; an empty file where there are none."""
    with open_lines(path) as write:
        return sum(1 for _ in map(write, (row.to_dict() for row in rejects)))


def _write(put: Callable[[bytes], int], row: Mapping[str, Any]) -> None:
    put(f"{json.dumps(row)}\n".encode())
