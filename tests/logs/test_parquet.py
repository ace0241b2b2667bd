"""Parquet: the same rows as JSON lines, read in batches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from semclip.errors import LogError
from semclip.logs import BadLine, Example, open_log
from tests.logs.samples import row, write_lines

ROWS = [row(1, extra="e"), row(2, id=None, answers=None, evidence=None, width=None, height=None, split=None), row(3)]


def write(path: Path, rows: list[dict[str, Any]], **columns: Any) -> Path:
    table = pa.Table.from_pylist(rows)
    for name, column in columns.items():
        table = table.drop_columns(name) if column is None else table.set_column(1, name, column)
    parquet.write_table(table, path, row_group_size=2)
    return path


def test_a_table_gives_what_the_same_lines_give(tmp_path: Path) -> None:
    expected = list(open_log(write_lines(tmp_path / "log.jsonl", *ROWS)))
    found = list(open_log(write(tmp_path / "log.parquet", ROWS)))
    assert found == expected
    assert [one.line for one in found] == [1, 2, 3]
    assert all(isinstance(one, Example) for one in found)


def test_a_table_is_known_by_its_content_or_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "log", ROWS)
    assert list(open_log(path)) == list(open_log(path, format="parquet"))


def test_rows_of_many_batches_are_numbered_through(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = write(tmp_path / "log.parquet", [row(number) for number in range(2500)])
    found = list(open_log(path, progress=lambda done, total: told.append((done, total))))
    assert [one.line for one in found] == list(range(1, 2501))
    assert told == [(1, 2500), (1001, 2500), (2001, 2500), (2500, 2500)]


def test_a_bad_row_is_one(tmp_path: Path) -> None:
    path = write(tmp_path / "log.parquet", [row(1), row(2, evidence=[[3, 2, 1, 4]]), row(1), row(4, question=None)])
    rows = list(open_log(path))
    assert [(one.line, one.reason) for one in rows if isinstance(one, BadLine)] == [
        (2, "an evidence box needs left < right and top < bottom, got [3, 2, 1, 4]"),
        (3, "an earlier line has the id too, got 'row-1'"),
        (4, "'question' needs text, got null"),
    ]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_paths_may_be_any_kind_of_text(kind: pa.DataType, tmp_path: Path) -> None:
    path = write(tmp_path / "log.parquet", [row(1)], image=pa.array(["a.png"]).cast(kind))
    assert [type(one) for one in open_log(path)] == [Example]


@pytest.mark.parametrize(
    ("image", "given"),
    [
        (pa.array([b"\x89PNG"]), "binary"),
        (pa.array([{"bytes": b"\x89PNG", "path": "a.png"}]), "struct"),
        (pa.array([["a.png"]]), "list"),
        (None, "no such column"),
    ],
)
def test_pictures_in_place_of_paths_are_our_error(image: Any, given: str, tmp_path: Path) -> None:
    path = write(tmp_path / "log.parquet", [row(1)], image=image)
    with pytest.raises(LogError, match=f"needs text in its column 'image', got {given}"):
        list(open_log(path))


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_a_damaged_table_is_our_error(kept: int, tmp_path: Path) -> None:
    path = write(tmp_path / "log.parquet", ROWS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LogError, match="a log needs to be a readable Parquet file, got"):
        list(open_log(path, format="parquet"))


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path) -> None:
    path = write(tmp_path / "log.parquet", ROWS)
    script = (
        "import sys; sys.modules['pyarrow'] = None; from pathlib import Path; from semclip.logs import open_log;"
        f"list(open_log(Path({str(path)!r})))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = run.stderr.splitlines()[-1]
    assert last == 'semclip.errors.MissingExtra: pyarrow is not installed; run: pip install "semclip[mine]"'
