"""`semclip check`: rows in, rows used, rows rejected; the reject file and the converted log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semclip.errors import LogError
from semclip.logs import BadLine, open_log
from tests.cli.running import call, run
from tests.logs.samples import row, talk, write_lines, write_list, write_mixed


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """10,000 rows of which 100 are bad."""
    write_mixed(tmp_path / "mixed.jsonl", rows=10_000, every=100)
    return tmp_path / "mixed.jsonl"


def test_rows_used_and_rejected_are_all_rows(mixed: Path, tmp_path: Path) -> None:
    out, rejects = tmp_path / "out" / "used.jsonl", tmp_path / "rejects.jsonl"
    done = call("check", mixed, "--needs", "answers", "--rejects", rejects, "-o", out, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (found["rows"], found["used"], found["rejected"]) == (10_000, 9_900, 100)
    assert sum(one["count"] for one in found["reasons"]) <= 100
    written = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [one["line"] for one in written] == list(range(100, 10_001, 100))
    assert all(one["source"] == str(mixed) and one["reason"] and one["row"] for one in written)
    used = list(open_log(out))
    assert (len(used), any(isinstance(one, BadLine) for one in used)) == (9_900, False)
    assert (out.parent / json.loads(out.read_text().splitlines()[0])["image"]).samefile(tmp_path / "a.png")


def test_above_the_limit_it_fails_with_a_reject_file_and_no_log(mixed: Path, tmp_path: Path) -> None:
    files = ("--rejects", tmp_path / "rejects.jsonl", "-o", tmp_path / "used.jsonl")
    done = run("check", mixed, "--needs", "answers", "--max-rejects", "99", *files)
    assert done.returncode == 1
    assert done.stdout.startswith(b"10000 rows: 9900 used, 100 rejected\n")
    assert done.stderr.decode().splitlines() == [
        f"semclip: a log needs at most 99 of its rows rejected, got 100 of 10000; see {tmp_path / 'rejects.jsonl'}"
    ]
    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == 100
    assert not (tmp_path / "used.jsonl").exists()


def test_one_in_a_hundred_is_the_limit_unless_another_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    log = write_lines(tmp_path / "log.jsonl", *(row(number) for number in range(98)), b"{")
    with pytest.raises(LogError, match="at most 1%"):
        call("check", log)
    assert call("check", log, "--max-rejects", "1").returncode == 0


def test_another_format_is_written_as_ours(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    log = write_list(tmp_path / "llava.json", {"id": "x", "image": "a.png", "conversations": talk("What?", "This.")})
    done = call("check", log, "--images", tmp_path / "images", "-o", tmp_path / "log.jsonl")
    assert done.stdout.startswith(b"1 rows: 1 used, 0 rejected\nused: 1 with answers, 0 with evidence")
    expected = {"id": "x", "image": "images/a.png", "question": "What?", "answers": ["This."]}
    assert json.loads((tmp_path / "log.jsonl").read_text()) == expected


def test_reasons_reach_the_terminal_without_control_codes(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", row(1, image="\x1b[31mred.png"))
    done = call("check", log, "--max-rejects", "1")
    assert b"line 1: 'image' needs a file" in done.stdout
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check"], 2),
        (["check", "log.jsonl", "--max-rejects", "few"], 2),
        (["check", "log.jsonl", "--format", "csv"], 2),
        (["check", "log.jsonl", "--needs", "boxes"], 2),
        (["check", "none.jsonl"], 1),
        (["check", "log.jsonl", "--format", "parquet"], 1),
        (["check", "log.jsonl", "-o", "log.jsonl/used.jsonl"], 1),
    ],
)
def test_what_goes_wrong_is_one_line(words: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    write_lines(tmp_path / "log.jsonl", row(1))
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert len(done.stderr.splitlines()) == 1
