"""`semclip mine`: a folder of rewards, a summary, and exit codes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from semclip.errors import InputError, LogError
from semclip.mining.store import read_mined
from tests.cli.running import call, run
from tests.mining.making import make_log, make_row

BAD: list[dict[str, Any]] = [
    {"question": ...},
    {"image": "pictures/none.png"},
    {"image": "broken.png"},
    {"evidence": []},
    {"evidence": [[0, 0, 9, 999]]},
    {"width": 999, "height": 999},
    {"answers": "text"},
    {"id": "row-0"},
]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return make_log(tmp_path, [make_row(0), make_row(1, question=7), make_row(2)])


def test_of_ten_thousand_rows_the_bad_hundred_are_rejected_each_with_its_reason(tmp_path: Path) -> None:
    bad = {number: BAD[number // 100 % len(BAD)] for number in range(50, 10_000, 100)}
    log = make_log(tmp_path, [make_row(number, **bad.get(number, {})) for number in range(10_000)])
    (tmp_path / "broken.png").write_bytes((tmp_path / "pictures/0.png").read_bytes()[:-40])
    done = call("mine", log, "-o", tmp_path / "mined", "--reader", "boxes", "--max-rejects", "1%", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert (summary["rows"], summary["used"], summary["rejected"]) == (10_000, 9_900, 100)
    rejects = [json.loads(line) for line in (tmp_path / "mined/rejects.jsonl").read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [number + 1 for number in sorted(bad)]
    assert all(reject["reason"] for reject in rejects)
    assert len(Counter(reject["reason"][:25] for reject in rejects)) == len(BAD)
    assert len(read_mined(tmp_path / "mined").rows) == 9_900


def test_more_rejects_than_allowed_fail_after_all_is_written(small: Path, tmp_path: Path) -> None:
    words: list[str | Path] = ["mine", small, "-o", tmp_path / "mined", "--reader", "boxes"]
    with pytest.raises(LogError, match=r"at most 1% of its rows rejected, got 1 of 3; see .*rejects.jsonl"):
        call(*words)
    assert len(read_mined(tmp_path / "mined").rows) == 2
    failed = run(*words)
    assert (failed.returncode, failed.stderr.count(b"\n")) == (1, 1)
    assert b"3 rows: 2 used, 1 rejected" in failed.stdout
    assert run(*words, "--max-rejects", "1").returncode == 0


def test_a_reader_that_looks_takes_its_budget_and_no_more(small: Path, tmp_path: Path) -> None:
    words = ["--reader", "python:tests.mining.making:redness", "--psi", "center", "--budget", "5", "--max-rejects", "1"]
    summary = json.loads(call("mine", small, "-o", tmp_path / "a", *words, "--json").stdout)
    assert (summary["passes"], summary["most_passes"], summary["spent"]) == (10, 5, 10)
    assert json.loads(call("mine", small, "-o", tmp_path / "a", *words, "--json").stdout)["spent"] == 0


def test_the_shipped_psi_thins_unless_another_is_named(small: Path, tmp_path: Path) -> None:
    call("mine", small, "-o", tmp_path / "a", "--reader", "python:tests.mining.making:redness", "--max-rejects", "1")
    job = read_mined(tmp_path / "a").meta["job"]
    assert (job["psi"]["name"], job["budget"], job["explore"]) == ("embedded", 16, 0.5)


@pytest.mark.parametrize(
    "wrong", [["--reader", "boxes", "--ray", "--processes", "2"], [], ["--reader", "boxes", "--max-rejects", "many"]]
)
def test_a_command_line_that_cannot_be_understood_is_a_usage_error(
    small: Path, tmp_path: Path, wrong: list[str]
) -> None:
    assert run("mine", small, "-o", tmp_path / "a", *wrong).returncode == 2
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("wrong", [["nobody"], ["boxes", "--reader-px", "9"], ["python:tests.mining.making:none"]])
def test_a_reader_that_does_not_exist_is_an_error(small: Path, tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(InputError):
        call("mine", small, "-o", tmp_path / "a", "--reader", *wrong)
    assert not (tmp_path / "a").exists()
