"""Which rows are used, why the others are not, and how many of those are too many."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError, LogError
from semclip.logs import BadLine, Example, Need, Tally, check_rows, open_log, parse_limit
from tests.logs.samples import BAD, row, write_lines, write_mixed


def test_ten_thousand_rows_with_one_bad_in_a_hundred(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    expected = write_mixed(log, rows=10_000, every=100)
    rows = list(check_rows(open_log(log), log, needs=("answers",)))
    rejected = {one.line: one.reason for one in rows if isinstance(one, BadLine)}
    assert len(BAD) >= 8
    assert rejected.keys() == expected.keys()
    assert [line for line, reason in rejected.items() if not reason.startswith(expected[line])] == []
    assert (len(rows), len(rejected)) == (10_000, 100)


@pytest.mark.parametrize(
    ("needs", "used"),
    [((), 3), (("answers",), 2), (("evidence",), 2), (("answers", "evidence"), 1)],
)
def test_what_is_needed_is_asked_for(needs: tuple[Need, ...], used: int, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    log = write_lines(tmp_path / "log.jsonl", row(1), row(2, answers=["", " "]), row(3, evidence=[]))
    rows = check_rows(open_log(log), log, needs=needs)
    assert sum(isinstance(one, Example) for one in rows) == used


def test_an_image_needs_to_be_a_file_unless_nobody_asks(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    changes = [{"image": name} for name in ("folder", "none.png", "x" * 300, "https://example.org/a.png")]
    log = write_lines(tmp_path / "log.jsonl", *(row(number, **change) for number, change in enumerate(changes)))
    assert all(isinstance(one, BadLine) for one in check_rows(open_log(log), log))
    assert all(isinstance(one, Example) for one in check_rows(open_log(log), log, files=False))


def test_a_tally_counts_by_kind_of_reason_and_shows_the_first(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    log = write_lines(
        tmp_path / "log.jsonl",
        row(1, image="x.png"),
        row(2, question=7),
        row(3, image="y.png"),
        row(4),
        row(5, answers=[], split=None),
    )
    tally = Tally()
    for one in check_rows(open_log(log), log):
        tally.add(one)
    assert (tally.rows, tally.used, tally.rejected) == (5, 2, 3)
    assert [(count, first.line) for count, first in tally.reasons] == [(2, 1), (1, 2)]
    assert tally.to_dict()["splits"] == {"": 1, "dev": 1}
    assert str(tally).splitlines()[:2] == [
        "5 rows: 2 used, 3 rejected",
        "used: 1 with answers, 2 with evidence; splits: 1 without, 1 dev",
    ]


@pytest.mark.parametrize(
    ("text", "rejected", "exceeded"),
    [
        ("0", 0, False),
        ("0", 1, True),
        ("100", 100, False),
        ("100", 101, True),
        ("1%", 100, False),
        ("1%", 101, True),
        ("0.3%", 30, False),
        ("0.29%", 30, True),
        ("100%", 10_000, False),
        ("1234567", 10_000, False),
    ],
)
def test_a_limit_is_exceeded_above_it(text: str, rejected: int, exceeded: bool) -> None:
    assert parse_limit(text).exceeded(rejected, 10_000) is exceeded


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_of_whole_numbers_is_exact(rejected: int, percent: int) -> None:
    limit = parse_limit(f"{percent % 101}%")
    assert limit.exceeded(rejected, 10**6) is (rejected > percent % 101 * 10**4)


@pytest.mark.parametrize("text", ["", "%", "1.5", "-1", "-1%", "101%", "1%%", "1% ", "nan", "1e3", "half"])
def test_what_is_no_limit_is_our_error(text: str) -> None:
    with pytest.raises(InputError, match="a number of rows or a share like 1%, got"):
        parse_limit(text)


def test_too_many_say_how_many_and_where_to_look() -> None:
    assert str(parse_limit("1234567")) == "1234567"
    limit = parse_limit("0.5%")
    limit.check(1, 200)
    with pytest.raises(LogError, match=r"at most 0.5% of its rows rejected, got 2 of 200; see rejects.jsonl"):
        limit.check(2, 200, Path("rejects.jsonl"))
