"""VQA logs as Parquet: the fields of a row are columns; one batch of rows is in memory at a time.

Reads paths of pictures, never pictures. Needs pyarrow, the extra "mine".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semclip.errors import LogError, MissingExtra, reason

MAGIC = b"PAR1"

_COLUMNS = ("id", "image", "question", "answers", "evidence", "width", "height", "split")
_TEXT = re.compile(r"(dictionary<values=)?(large_)?string")
_BATCH_ROWS = 1000


def read_parquet(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield each row's number from 1, how many there are, and the row; other columns are not read.

    Raises: LogError where the file cannot be read, or holds the pictures themselves; MissingExtra without pyarrow.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError as error:
        raise MissingExtra("pyarrow", extra="mine") from error
    with _reading(path, ArrowException), parquet.ParquetFile(path) as file:
        _check(file.schema_arrow, path)
        columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
        batches = file.iter_batches(_BATCH_ROWS, columns=columns)
        rows = (row for batch in batches for row in batch.to_pylist())
        for number, row in enumerate(rows, start=1):
            yield number, file.metadata.num_rows, row


@contextmanager
def _reading(path: Path, arrow_error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except LogError:
        raise
    except (arrow_error, OSError, ValueError) as error:
        raise LogError(f"a log needs to be a readable Parquet file, got {path}: {reason(error)}") from error


def _check(schema: Any, path: Path) -> None:
    for name in ("image", "question"):
        kind = schema.field(name).type if name in schema.names else "no such column"
        if not _TEXT.match(str(kind)):
            raise LogError(f"a Parquet log needs text in its column {name!r}, got {kind} in {path}")
