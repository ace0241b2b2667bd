"""The cache of rewards: returns what was put, to whoever opens the file, and survives damage."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semclip.errors import CacheError
from semclip.geometry import Box
from semclip.logs import Example
from semclip.mining.cache import RewardCache, reading_key
from semclip.mining.rewards import Query, Rewards

FOUND = Rewards(np.array([0, 0.3, np.nan], np.float32), 2)
EXAMPLE = Example("a", Path("a.png"), "what?", ("this",), (Box(0, 0, 1, 1),))
QUERY = Query(EXAMPLE, (Box(0, 0, 1, 1), Box(0, 0, 2, 2)), (1, 0))


def assert_found(cache: RewardCache, key: str) -> None:
    found = cache.get(key)
    assert found is not None
    assert found.values.dtype == np.float32
    assert (found.values.tobytes(), found.passes) == (FOUND.values.tobytes(), 2)


def test_what_was_put_is_found_by_the_next_process_too(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rewards.sqlite"
    cache = RewardCache(path)
    assert cache.get("a") is None
    cache.put("a", FOUND)
    assert_found(cache, "a")
    assert_found(RewardCache(path), "a")
    assert cache.get("b") is None


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "rewards.sqlite"
    path.write_bytes(b"this is no database" * 100)
    path.with_name("rewards.sqlite-journal").write_bytes(b"nor is this its journal")
    RewardCache(path).put("a", FOUND)
    assert_found(RewardCache(path), "a")
    assert (tmp_path / "rewards.sqlite.damaged").read_bytes().startswith(b"this is no")


def test_a_database_with_a_torn_page_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "rewards.sqlite"
    cache = RewardCache(path)
    for number in range(200):
        cache.put(str(number), FOUND)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert RewardCache(path).get("7") is None
    assert (tmp_path / "rewards.sqlite.damaged").exists()


def test_an_entry_with_a_flipped_digit_is_a_miss(tmp_path: Path) -> None:
    cache = RewardCache(tmp_path / "rewards.sqlite")
    cache.put("a", FOUND)
    with sqlite3.connect(tmp_path / "rewards.sqlite") as file:
        file.execute("UPDATE rewards SET value = replace(value, '2', '3')")
    file.close()
    assert cache.get("a") is None


def test_many_may_write_at_once(tmp_path: Path) -> None:
    caches = [RewardCache(tmp_path / "rewards.sqlite") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: caches[number % 4].put(str(number), FOUND), range(80)))
    for number in range(80):
        assert_found(caches[0], str(number))


def test_a_place_where_nothing_can_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="a folder that can be made"):
        RewardCache(tmp_path / "file" / "rewards.sqlite")
    (tmp_path / "rewards.sqlite").mkdir()
    with pytest.raises(CacheError, match="a file that can be written"):
        RewardCache(tmp_path / "rewards.sqlite")


@pytest.mark.parametrize(
    "other",
    [
        replace(QUERY, example=replace(EXAMPLE, question="who?")),
        replace(QUERY, example=replace(EXAMPLE, answers=("that",))),
        replace(QUERY, example=replace(EXAMPLE, evidence=())),
        replace(QUERY, boxes=(Box(0, 0, 1, 1), Box(0, 0, 2, 3))),
        replace(QUERY, tries=(0, 1)),
    ],
)
def test_whatever_decides_rewards_is_in_the_key(other: Query) -> None:
    key = reading_key("f", "d", QUERY)
    assert key != reading_key("f", "d", other)
    assert key != reading_key("g", "d", QUERY)
    assert key != reading_key("f", "e", QUERY)


def test_what_a_row_is_called_is_not_in_the_key() -> None:
    other = replace(QUERY, example=replace(EXAMPLE, id=7, image=Path("b.png"), split="dev", line=3))
    assert reading_key("f", "d", QUERY) == reading_key("f", "d", other)
