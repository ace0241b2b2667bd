"""`semclip mine`: a folder of rewards, a summary, and exit codes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from semclip.errors import InputError, LogError, ModelError
from semclip.mining.store import read_mined
from tests.cli.running import call, run
from tests.logs.samples import talk, write_list
from tests.mining.making import SIZE, make_log, make_row
from tests.mining.marks import needs_tesseract

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


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (["nobody"], "reader needs one of"),
        (["boxes", "--reader-px", "9"], "boxes takes no --reader-px"),
        (["boxes", "--reward", "answer"], "boxes takes no --reward"),
        (["boxes", "--fusion", "append"], "boxes takes no --fusion"),
        (["server:http://127.0.0.1:1/v1#m", "--reward", "both"], "reward both needs likelihoods"),
        (["server:http://127.0.0.1:1/v1#m", "--reward", "answer", "--budget", "1"], "a budget of at least 2, got 1"),
        (["python:tests.mining.making:none"], "python:MODULE:FUNCTION"),
    ],
)
def test_a_reader_that_cannot_be_is_an_error_and_leaves_no_folder(
    small: Path, tmp_path: Path, wrong: list[str], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        call("mine", small, "-o", tmp_path / "a", "--reader", *wrong)
    assert not (tmp_path / "a").exists()


def test_larger_pictures_are_admitted_by_asking(small: Path, tmp_path: Path) -> None:
    words = ["--reader", "boxes", "--max-rejects", "3"]
    for pixels, used in ((str(SIZE.area - 1), 0), (str(SIZE.area), 2)):
        out = tmp_path / pixels
        done = call("mine", small, "-o", out, *words, "--max-pixels", pixels, "--json")
        assert json.loads(done.stdout)["used"] == used


def test_jobs_share_a_cache(small: Path, tmp_path: Path) -> None:
    words = ["--reader", "python:tests.mining.making:redness", "--psi", "center", "--budget", "5"]
    words += ["--max-rejects", "1", "--json", "--cache", str(tmp_path / "shared")]
    first = json.loads(call("mine", small, "-o", tmp_path / "a", *words).stdout)
    other = json.loads(call("mine", small, "-o", tmp_path / "b", *words, "--limit", "2").stdout)
    assert (first["spent"], other["passes"], other["spent"]) == (10, 5, 0)


@pytest.mark.parametrize("kind", ["parquet", "llava"])
def test_other_formats_with_their_pictures_elsewhere(tmp_path: Path, kind: str) -> None:
    make_log(tmp_path / "here", [])
    path = tmp_path / f"log.{kind}"
    if kind == "parquet":
        parquet.write_table(pa.Table.from_pylist([make_row(0), make_row(3)]), path)
    else:
        write_list(path, {"id": "row-0", "image": "pictures/0.png", "conversations": talk("Where?", "Here.", "And?")})
    words: list[str | Path] = ["--images", tmp_path / "here", "--max-rejects", "1", "--psi", "center"]
    reader = "boxes" if kind == "parquet" else "python:tests.mining.making:redness"
    call("mine", path, "-o", tmp_path / "mined", "--reader", reader, *words)
    rows = read_mined(tmp_path / "mined").rows
    assert [row.id for row in rows] == (["row-0", "row-3"] if kind == "parquet" else ["row-0"])
    assert rows[0].image.samefile(tmp_path / "here/pictures/0.png")


@needs_tesseract
def test_letters_are_read_at_the_size_and_in_the_language_asked_for(small: Path, tmp_path: Path) -> None:
    words = ["--reader", "ocr", "--psi", "center", "--budget", "2", "--max-rejects", "1"]
    call("mine", small, "-o", tmp_path / "a", *words)
    call("mine", small, "-o", tmp_path / "b", *words, "--reader-px", "200")
    assert len({read_mined(tmp_path / name).meta["job"]["reader"]["fingerprint"] for name in "ab"}) == 2
    with pytest.raises(ModelError, match="language xyz"):
        call("mine", small, "-o", tmp_path / "c", *words, "--language", "xyz")
