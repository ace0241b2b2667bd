"""The folder of a job: read as it was written, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semclip.errors import InputError
from semclip.mining.job import MineConfig, mine
from semclip.mining.store import META, Store, read_mined
from semclip.mining.work import Work
from tests.mining.making import make_log, make_row


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = make_log(tmp_path, [make_row(number) for number in range(10)])
    mine(log, tmp_path / "mined", config=MineConfig(Work("boxes"), rows_per_shard=4))
    return tmp_path / "mined"


def unfinished(folder: Path) -> None:
    meta = json.loads((folder / META).read_text())
    Store(folder, folder).write_meta(meta["job"])


def test_a_job_that_has_not_ended_is_read_only_if_one_says_so(folder: Path) -> None:
    unfinished(folder)
    (folder / "rows-00001.parquet").unlink()
    with pytest.raises(InputError, match="run the same semclip mine again"):
        read_mined(folder)
    assert [row.id for row in read_mined(folder, incomplete=True).rows] == [f"row-{number}" for number in range(4)]


def test_a_missing_shard_is_an_error(folder: Path) -> None:
    (folder / "rows-00001.parquet").unlink()
    with pytest.raises(InputError, match=r"rows-00001.parquet cannot be read: No such file"):
        read_mined(folder)


def test_a_shard_of_another_job_is_an_error(folder: Path) -> None:
    (folder / "rows-00001.parquet").write_bytes((folder / "rows-00000.parquet").read_bytes())
    with pytest.raises(InputError, match=r"names, got another in .*rows-00001.parquet"):
        read_mined(folder)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", '{"format": "other"}', '{"format": "semclip mined 1"}']
)
def test_a_folder_of_something_else_is_an_error(folder: Path, content: str) -> None:
    (folder / META).write_text(content)
    with pytest.raises(InputError, match="a folder that semclip mine wrote"):
        read_mined(folder)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file", tmp_path)
    with pytest.raises(InputError, match=r"a folder that can be written, got .*file: "):
        store.write(0, [])
    with pytest.raises(InputError, match="a folder that can be written"):
        store.write_meta({})


@pytest.mark.parametrize("change", [{"complete": 1}, {"shards": [3]}, {"shards": None}, {"job": {"images": "x"}}])
def test_fields_of_other_kinds_are_an_error(folder: Path, change: dict[str, object]) -> None:
    meta = json.loads((folder / META).read_text())
    (folder / META).write_text(json.dumps(meta | change))
    with pytest.raises(InputError, match="a folder that semclip mine wrote"):
        read_mined(folder)
