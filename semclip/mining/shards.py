"""Mined rows as Parquet: one shard is the bytes of one file, the same for the same rows.

Knows nothing of folders and jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semclip.errors import InputError, MissingExtra, SemclipError, reason
from semclip.geometry import Box, Size
from semclip.mining.rewards import POSITIVE

try:
    import pyarrow as pa
    from pyarrow import parquet
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "pyarrow", extra="mine") from missing

Edges = NDArray[np.int32]
"""(n, 4) left, top, right, bottom."""


@dataclass(frozen=True, slots=True, eq=False)
class MinedRow:
    """One question of a log with what boxes of its picture are worth.

    `edges` are the boxes whose reward is known, at least one; `rewards` (n,) float32 theirs, 0 to 1. `digest` and
    `size` are the picture's. `passes`: how often the reader looked for this row when it was first read.
    """

    id: str
    image: Path
    digest: str
    size: Size
    question: str
    answers: tuple[str, ...]
    evidence: tuple[Box, ...]
    split: str | None
    edges: Edges
    rewards: NDArray[np.float32]
    passes: int

    @property
    def boxes(self) -> tuple[Box, ...]:
        """`edges` as boxes, made anew at each call: an array takes a tenth of their memory."""
        return tuple(Box(*edges) for edges in self.edges.tolist())

    @property
    def positives(self) -> int:
        """How many boxes are worth at least `POSITIVE`."""
        return int((self.rewards >= POSITIVE).sum())


_BOXES = pa.list_(pa.list_(pa.int32(), 4))
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("image", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answers", pa.list_(pa.string()), nullable=False),
        pa.field("evidence", _BOXES, nullable=False),
        pa.field("split", pa.string()),
        pa.field("boxes", _BOXES, nullable=False),
        pa.field("rewards", pa.list_(pa.float32()), nullable=False),
        pa.field("passes", pa.int32(), nullable=False),
    ]
)


def encode_shard(rows: Sequence[MinedRow], root: Path) -> bytes:
    """The rows as a Parquet file; pictures under `root` are named relative to it."""
    file = BytesIO()
    # One row group, no threads, no time stamps: the same rows are the same bytes.
    table = pa.table(_columns(rows, root), _SCHEMA)
    parquet.write_table(table, file, row_group_size=max(1, len(rows)), compression="zstd")
    return file.getvalue()


def decode_shard(data: bytes, root: Path, *, name: str) -> list[MinedRow]:
    """The rows that `encode_shard` made `data` of, with pictures under `root`; `name` is for messages.

    Raises: InputError where `data` holds anything else.
    """
    try:
        table = parquet.read_table(pa.BufferReader(data))
        if not table.schema.equals(_SCHEMA):
            raise ValueError("its columns are others")
        return _rows(table.combine_chunks(), root)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException, SemclipError) as error:
        raise InputError(f"a shard needs to be a file that semclip mine wrote, got {name} ({reason(error)})") from error


def _columns(rows: Sequence[MinedRow], root: Path) -> dict[str, Any]:
    return {
        "id": [row.id for row in rows],
        "image": [_relative(row.image, root) for row in rows],
        "digest": [row.digest for row in rows],
        "width": [row.size.width for row in rows],
        "height": [row.size.height for row in rows],
        "question": [row.question for row in rows],
        "answers": [list(row.answers) for row in rows],
        "evidence": _nested([_edges(row.evidence) for row in rows], of_boxes=True),
        "split": [row.split for row in rows],
        "boxes": _nested([row.edges for row in rows], of_boxes=True),
        "rewards": _nested([row.rewards for row in rows], of_boxes=False),
        "passes": [row.passes for row in rows],
    }


def _relative(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path.absolute()).as_posix()


def _edges(boxes: Sequence[Box]) -> Edges:
    return np.array([box.to_list() for box in boxes], np.int32).reshape(-1, 4)


def _nested(parts: Sequence[NDArray[Any]], *, of_boxes: bool) -> Any:
    """One list a row, without a Python object for every number."""
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    flat = np.concatenate(parts) if parts else np.zeros((0, 4) if of_boxes else 0, np.int32)
    values = pa.array(flat.ravel(), pa.int32() if of_boxes else pa.float32())
    return pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(values, 4) if of_boxes else values)


def _rows(table: Any, root: Path) -> list[MinedRow]:
    texts = {name: table[name].to_pylist() for name in ("id", "image", "digest", "question", "answers", "split")}
    sizes = [Size(*pair) for pair in zip(table["width"].to_pylist(), table["height"].to_pylist(), strict=True)]
    evidence, boxes = (_unnested(table[name]) for name in ("evidence", "boxes"))
    rewards, passes = _unnested(table["rewards"]), table["passes"].to_pylist()
    rows = []
    for place, size in enumerate(sizes):
        _check(boxes[place], rewards[place], size)
        rows.append(
            MinedRow(
                id=texts["id"][place],
                image=root / texts["image"][place],
                digest=texts["digest"][place],
                size=size,
                question=texts["question"][place],
                answers=tuple(texts["answers"][place]),
                evidence=tuple(Box(*edges) for edges in evidence[place].tolist()),
                split=texts["split"][place],
                edges=boxes[place],
                rewards=rewards[place],
                passes=passes[place],
            )
        )
    return rows


def _unnested(column: Any) -> list[NDArray[Any]]:
    """(n,) or (n, 4) for each row: views of one array."""
    (lists,) = column.chunks or [pa.array([], column.type)]
    boxes = pa.types.is_fixed_size_list(lists.type.value_type)
    values = lists.values.values if boxes else lists.values
    flat = values.to_numpy(zero_copy_only=False).reshape((-1, 4) if boxes else -1)
    return [flat[start:stop] for start, stop in pairwise(lists.offsets.to_pylist() or [0])]


def _check(edges: Edges, rewards: NDArray[np.float32], size: Size) -> None:
    left, top, right, bottom = edges.T
    inside = (
        (left >= 0) & (left < right) & (right <= size.width) & (top >= 0) & (top < bottom) & (bottom <= size.height)
    )
    if not len(edges) or len(edges) != len(rewards) or not inside.all() or not ((rewards >= 0) & (rewards <= 1)).all():
        raise ValueError("a row needs boxes inside its picture with a reward from 0 to 1 each")
