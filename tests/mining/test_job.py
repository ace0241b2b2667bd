"""A whole job: all rows are accounted for, its folder can be read, moved and gone on with, and holds one job only."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semclip.errors import InputError, LogError
from semclip.images import Limits
from semclip.mining.job import MineConfig, mine
from semclip.mining.store import read_mined
from semclip.mining.summary import Summary
from semclip.mining.work import Done, Task, Tools, Work, mine_task
from tests.mining.making import files, make_log, make_picture, make_row, spot

BOXES = MineConfig(Work("boxes"), rows_per_shard=8)
BY_SIGHT = MineConfig(Work("python:tests.mining.making:redness", psi="random", budget=4), rows_per_shard=8)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [make_row(number) for number in range(20)]
    rows[3] = make_row(3, image="pictures/none.png")
    rows[5] = make_row(5, question=...)
    rows[11] = make_row(11, evidence=[[0, 0, 999, 999]])
    return make_log(tmp_path, rows)


def test_every_row_is_used_or_rejected_with_its_line(log: Path, tmp_path: Path) -> None:
    summary = mine(log, tmp_path / "mined", config=BOXES)
    rejects = [json.loads(line) for line in (tmp_path / "mined/rejects.jsonl").read_text().splitlines()]
    assert [(reject["line"], reject["id"]) for reject in rejects] == [(4, "row-3"), (6, "row-5"), (12, "row-11")]
    assert ["none.png" in rejects[0]["reason"], "'question'" in rejects[1]["reason"]] == [True, True]
    assert (summary.rows, summary.used, summary.rejected) == (20, 17, 3)
    mined = read_mined(tmp_path / "mined")
    assert [row.id for row in mined.rows] == [f"row-{number}" for number in range(20) if number not in (3, 5, 11)]
    assert all(row.image.is_file() and row.positives > 0 for row in mined.rows)
    assert mined.meta["counts"] == json.loads(json.dumps(summary.counts()))
    assert len(list((tmp_path / "mined").glob("rows-*.parquet"))) == 3


def test_the_same_job_is_the_same_bytes_and_is_not_done_twice(log: Path, tmp_path: Path) -> None:
    first = mine(log, tmp_path / "a", config=BY_SIGHT)
    other = mine(log, tmp_path / "b", config=BY_SIGHT)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    again = mine(log, tmp_path / "a", config=BY_SIGHT)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert first.counts() == other.counts() == again.counts()
    assert (first.spent, again.spent) == (first.passes, 0)
    assert 0 < first.most_passes <= 4


def test_what_is_missing_or_damaged_is_made_anew_from_the_cache(log: Path, tmp_path: Path) -> None:
    mine(log, tmp_path / "a", config=BY_SIGHT)
    whole = files(tmp_path / "a")
    (tmp_path / "a/rows-00000.parquet").unlink()
    (tmp_path / "a/rows-00001.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "a/rejects.jsonl").unlink()
    assert mine(log, tmp_path / "a", config=BY_SIGHT).spent == 0
    assert files(tmp_path / "a") == whole


def test_jobs_share_a_cache(log: Path, tmp_path: Path) -> None:
    config = replace(BY_SIGHT, work=replace(BY_SIGHT.work, cache=tmp_path / "shared"))
    assert mine(log, tmp_path / "a", config=config).spent > 0
    assert mine(log, tmp_path / "b", config=config).spent == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert not (tmp_path / "b/rewards.sqlite").exists()


def test_a_folder_and_its_log_may_move_together(log: Path, tmp_path: Path) -> None:
    mine(log, tmp_path / "here/mined", config=BOXES)
    for name in ("pictures", "questions.jsonl"):
        shutil.move(tmp_path / name, tmp_path / "here")
    shutil.move(tmp_path / "here/mined", tmp_path / "other")
    with_root = read_mined(tmp_path / "other", images=tmp_path / "here")
    assert with_root.rows[0].image == tmp_path / "here/pictures/0.png"
    shutil.move(tmp_path / "here", tmp_path / "moved")
    assert read_mined(tmp_path / "other", images=tmp_path / "moved").rows[0].image.is_file()


def test_moved_beside_the_same_log_it_finds_its_pictures(log: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pictures", "questions.jsonl"):
        shutil.move(tmp_path / name, source)
    mine(source / "questions.jsonl", source / "mined", config=BOXES)
    source.rename(tmp_path / "moved")
    assert all(row.image.is_file() for row in read_mined(tmp_path / "moved/mined").rows)
    assert mine(tmp_path / "moved/questions.jsonl", tmp_path / "moved/mined", config=BOXES).used == 17


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"split": "dev"}, "split"),
        ({"work": replace(BY_SIGHT.work, limits=Limits(pixels=10_000_000))}, "limits"),
        ({"rows_per_shard": 9}, "rows_per_shard"),
        ({"work": replace(BY_SIGHT.work, budget=5, explore=0.0)}, "budget, explore"),
        ({"work": replace(BY_SIGHT.work, psi="center")}, "psi"),
        ({"work": Work("boxes")}, "reader, psi, budget, explore"),
    ],
)
def test_another_job_is_refused_and_what_differs_named(
    log: Path, tmp_path: Path, changes: dict[str, Any], names: str
) -> None:
    mine(log, tmp_path / "a", config=BY_SIGHT)
    whole = files(tmp_path / "a")
    with pytest.raises(InputError, match=f"another job, with another {names}; mine into another folder"):
        mine(log, tmp_path / "a", config=replace(BY_SIGHT, **changes))
    assert files(tmp_path / "a") == whole


def test_a_changed_log_is_another_job(log: Path, tmp_path: Path) -> None:
    mine(log, tmp_path / "a", config=BOXES)
    log.write_text(log.read_text() + "\n")
    with pytest.raises(InputError, match="another log_sha256;"):
        mine(log, tmp_path / "a", config=BOXES)


def test_a_folder_of_something_else_is_left_alone(log: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/letter.txt").write_text("dear")
    with pytest.raises(InputError, match="a new folder, or one that it has begun"):
        mine(log, tmp_path / "a", config=BY_SIGHT)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["letter.txt"]
    with pytest.raises(InputError, match="a new folder"):
        mine(log, log, config=BOXES)


def test_split_and_limit_say_what_the_rows_are(log: Path, tmp_path: Path) -> None:
    summary = mine(log, tmp_path / "a", config=replace(BOXES, split="dev"))
    assert [row.id for row in read_mined(tmp_path / "a").rows] == ["row-9", "row-19"]
    assert (summary.rows, summary.rejected) == (2, 0)
    assert mine(log, tmp_path / "b", config=replace(BOXES, limit=5)).rows == 5


def test_a_bad_line_is_of_its_split_or_of_each_where_that_cannot_be_read(tmp_path: Path) -> None:
    rows = [make_row(9), make_row(0, question=7), make_row(19, question=7), make_row(9, split="train"), make_row(5)]
    log = make_log(tmp_path, [*rows, make_row(29, split=7), make_row(39, evidence=[])])
    dev = mine(log, tmp_path / "a", config=replace(BOXES, split="dev"))
    assert sorted(str(one.id) for one in dev.rejects) == ["row-19", "row-29", "row-39"]
    train = mine(log, tmp_path / "b", config=replace(BOXES, split="train"))
    assert sorted(str(one.id) for one in train.rejects) == ["row-0", "row-29", "row-9"]
    assert (dev.used, train.used) == (1, 1)


def test_a_split_that_no_row_has_is_an_error_that_names_those_there_are(log: Path, tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"rows of the split 'test', got none in .*; its splits: dev, train"):
        mine(log, tmp_path / "a", config=replace(BOXES, split="test"))
    assert not (tmp_path / "a").exists()


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """A log of ten rows with a picture each."""
    for number in range(10):
        make_picture(tmp_path / f"all/{number}.png", spot(0))
    rows = [make_row(number, image=f"all/{number}.png", evidence=[spot(0).to_list()]) for number in range(10)]
    return make_log(tmp_path, rows)


FOURS = replace(BY_SIGHT, rows_per_shard=4)


def ids(folder: Path) -> list[str]:
    return [row.id for row in read_mined(folder).rows]


def test_a_picture_that_comes_later_is_used_by_the_next_run(ten: Path, tmp_path: Path) -> None:
    (tmp_path / "all/1.png").rename(tmp_path / "1.png")
    summary = mine(ten, tmp_path / "a", config=FOURS)
    assert (summary.used, [one.id for one in summary.rejects]) == (9, ["row-1"])
    (tmp_path / "1.png").rename(tmp_path / "all/1.png")
    again = mine(ten, tmp_path / "a", config=FOURS)
    assert (again.rows, again.used, again.rejected, again.spent) == (10, 10, 0, 4)
    assert ids(tmp_path / "a") == [f"row-{number}" for number in range(10)]
    mine(ten, tmp_path / "b", config=FOURS)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_picture_that_goes_changes_no_other_row(ten: Path, tmp_path: Path) -> None:
    mine(ten, tmp_path / "a", config=FOURS)
    for number in (1, 2):
        (tmp_path / f"a/rows-0000{number}.parquet").unlink()
    for number in (1, 5):  # of a shard that is written, and of one that is not
        (tmp_path / f"all/{number}.png").unlink()
    again = mine(ten, tmp_path / "a", config=FOURS)
    assert (again.rows, again.used, [one.id for one in again.rejects]) == (10, 9, ["row-5"])
    assert ids(tmp_path / "a") == [f"row-{number}" for number in range(10) if number != 5]


@pytest.mark.parametrize("config", [FOURS, replace(BOXES, rows_per_shard=4)])
def test_a_job_that_has_ended_keeps_its_rows_without_its_pictures(
    ten: Path, tmp_path: Path, config: MineConfig
) -> None:
    (tmp_path / "all/1.png").unlink()
    mine(ten, tmp_path / "a", config=config)
    whole = files(tmp_path / "a")
    (tmp_path / "all").rename(tmp_path / "unmounted")
    again = mine(ten, tmp_path / "a", config=config)
    assert (again.used, again.rejected) == (9, 1)
    assert files(tmp_path / "a") == whole


def test_a_broken_picture_that_was_repaired_is_used(ten: Path, tmp_path: Path) -> None:
    broken = tmp_path / "all/9.png"
    data = broken.read_bytes()
    broken.write_bytes(data[:-40])
    assert mine(ten, tmp_path / "a", config=FOURS).used == 9
    broken.write_bytes(data)
    assert mine(ten, tmp_path / "a", config=FOURS).used == 10
    assert ids(tmp_path / "a") == [f"row-{number}" for number in range(10)]


def test_what_a_reader_failed_on_is_tried_again(ten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = replace(FOURS, work=replace(FOURS.work, reader="python:tests.mining.making:refusing"))
    Path("away").touch()
    assert mine(ten, tmp_path / "a", config=config).rejected == 10
    Path("away").unlink()
    assert mine(ten, tmp_path / "a", config=config).used == 10


def test_rows_of_a_picture_are_read_together_wherever_they_stand(tmp_path: Path) -> None:
    rows = [make_row(number) for number in range(24)]
    random.Random(0).shuffle(rows)
    log, asked = make_log(tmp_path, rows), list[Task]()

    def watched(tools: Tools, tasks: Iterable[Task]) -> Iterator[Done]:
        for task in tasks:
            asked.append(task)
            yield mine_task(task, tools)

    mine(log, tmp_path / "a", config=replace(BOXES, rows_per_shard=12), run=watched)
    pictures = [(task.shard, task.rows[0].image) for task in asked]
    assert len(pictures) == len(set(pictures))
    assert [task.shard for task in asked] == sorted(task.shard for task in asked)
    assert ids(tmp_path / "a") == [row["id"] for row in rows]


def test_a_log_that_is_no_such_format_leaves_no_folder(ten: Path, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="Parquet"):
        mine(ten, tmp_path / "a", config=replace(FOURS, log_format="parquet"))
    assert not (tmp_path / "a").exists()
    assert mine(ten, tmp_path / "a", config=FOURS).used == 10


def test_rows_need_what_the_reader_goes_by(tmp_path: Path) -> None:
    log = make_log(tmp_path, [make_row(0, answers=[]), make_row(1, evidence=...)])
    assert [one.id for one in mine(log, tmp_path / "a", config=BOXES).rejects] == ["row-1"]
    assert [one.id for one in mine(log, tmp_path / "b", config=BY_SIGHT).rejects] == ["row-0"]


def test_a_log_of_nothing_is_mined_to_nothing(tmp_path: Path) -> None:
    summary = mine(make_log(tmp_path, []), tmp_path / "a", config=BOXES)
    assert summary.counts() == Summary().counts()
    assert read_mined(tmp_path / "a").rows == ()


@pytest.mark.parametrize("config", [BOXES, BY_SIGHT])
def test_a_log_that_is_not_there_leaves_no_folder(tmp_path: Path, config: MineConfig) -> None:
    with pytest.raises(LogError):
        mine(tmp_path / "none.jsonl", tmp_path / "a", config=config)
    assert not (tmp_path / "a").exists()


def test_progress_ends_with_all_rows(log: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    mine(log, tmp_path / "a", config=BOXES, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    assert sorted(told) == told
