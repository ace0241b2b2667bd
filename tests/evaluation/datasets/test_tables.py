"""Tables of any size: large cells, broken rows, where rows start."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semclip.errors import LogError
from semclip.evaluation.datasets.tables import read_records, read_table
from semclip.logs import BadLine
from tests.evaluation.datasets.samples import write_table

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(rows=st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6))
def test_reading_from_where_a_row_starts_gives_that_row(rows: list[list[str]], tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.tsv", *rows)
    records = list(read_records(path, "\t"))
    assert [list(record.cells) for record in records] == rows
    assert [next(read_records(path, "\t", start=record.start)) for record in records] == records


def test_a_cell_may_be_larger_than_csv_allows(tmp_path: Path) -> None:
    large = "x" * 300_000
    assert len(large) > 131_072
    [(_, row)] = read_table(write_table(tmp_path / "t.tsv", ["a"], [large]), "\t", tmp_path)
    assert row == {"a": large}
    assert csv.field_size_limit() >= 2**29


def test_one_row_is_in_memory_at_a_time(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.tsv", ["a"], *[["x" * 1_000_000]] * 10)
    tracemalloc.start()
    assert sum(1 for _ in read_table(path, "\t", tmp_path)) == 10
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 9_000_000


def test_rows_that_cannot_be_read_stop_no_other(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbfa\tb\n1\n2\t\xff\n\n3\r4\t5\n6\t7\n")
    short, odd, broken, fine = (row for _, row in read_table(tmp_path / "t.tsv", "\t", tmp_path))
    assert isinstance(short, BadLine)
    assert (short.line, short.reason) == (1, "a row needs 2 cells, got 1")
    assert odd == {"a": "2", "b": "\udcff"}
    assert isinstance(broken, BadLine)
    assert broken.reason.startswith("Error: new-line character seen in unquoted field")
    assert fine == {"a": "6", "b": "7"}


def test_a_file_without_a_header_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").touch()
    with pytest.raises(LogError, match="a table needs a header"):
        list(read_table(tmp_path / "t.tsv", "\t", tmp_path))
    with pytest.raises(LogError, match="readable file"):
        list(read_table(tmp_path / "none.tsv", "\t", tmp_path))
