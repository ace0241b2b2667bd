"""Caches: what was put comes back, or nothing does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from semclip.cache import DiskCache, MemoryCache, RegionCache, _check, region_key
from semclip.errors import CacheError
from semclip.geometry import Box, Size
from semclip.proposals import Grid, grid, pyramid
from semclip.protocols import Proposer, Relevance
from semclip.relevance.baselines import Center, Random
from semclip.types import Picture, Regions
from tests import strategies
from tests.fakes import ArrayPicture

SIZE = Size(100, 100)
ROOT = Path(__file__).parent.parent


def regions(fill: float = 0.5, *, rows: int = 2) -> Regions:
    boxes = tuple(Box(i, 0, i + 1, 1) for i in range(rows))
    return Regions(SIZE, boxes, np.full((rows, 3), fill, np.float32), "encoder é")


def same(a: Regions, b: Regions | None) -> bool:
    return (
        b is not None
        and (a.size, a.boxes, a.encoder, a.grid) == (b.size, b.boxes, b.encoder, b.grid)
        and a.vlm_passes == b.vlm_passes
        and a.features.dtype == b.features.dtype
        and np.array_equal(a.features, b.features)
    )


def write_often(folder: Path, fill: int) -> int:
    """Writes and reads one entry many times; how many reads gave something unsound."""
    cache = DiskCache(folder)
    bad = 0
    for _ in range(20):
        cache.put("key", regions(fill, rows=50))
        found = cache.get("key")
        bad += found is None or len(set(found.features.ravel())) != 1
    return bad


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> RegionCache:
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "a" / "b")


def test_what_was_put_comes_back(cache: RegionCache) -> None:
    cache.put("key", regions())
    assert same(regions(), cache.get("key"))
    assert cache.get("other") is None


def test_a_second_put_replaces_the_first(cache: RegionCache) -> None:
    cache.put("key", regions(1))
    cache.put("key", regions(2))
    assert same(regions(2), cache.get("key"))


@given(st.lists(strategies.boxes(), max_size=5), st.sampled_from(["float16", "float32", "float64"]), st.booleans())
def test_save_then_load_is_identity(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[Box], dtype: str, dense: bool
) -> None:
    grid_size = Size(3, 2) if dense else None
    rows = 6 if dense else len(boxes)
    features = np.linspace(-1, 1, rows * 4).reshape(rows, 4).astype(dtype)
    put = Regions(SIZE, tuple(boxes), features, "e", grid_size, vlm_passes=len(boxes))
    cache = DiskCache(tmp_path_factory.mktemp("cache"))
    cache.put("key", put)
    assert same(put, cache.get("key"))


def key_of(picture: Picture, relevance: Relevance, proposer: Proposer) -> str:
    return region_key(picture, relevance, proposer, proposer(picture.size))


def test_the_key_names_pixels_encoder_and_proposer() -> None:
    one, two = (ArrayPicture(np.full((4, 4, 3), fill, np.uint8)) for fill in (0, 1))
    keys = [
        key_of(one, Center(), pyramid),
        key_of(two, Center(), pyramid),
        key_of(one, Random(), pyramid),
        key_of(one, Center(), grid),
    ]
    assert len(set(keys)) == 4
    assert keys[0] == key_of(ArrayPicture(one.pixels.copy()), Center(), pyramid)


def test_the_key_changes_with_the_boxes_under_one_name() -> None:
    @dataclass(frozen=True)
    class Renamed:
        inner: Proposer
        name: str = "mine"

        def __call__(self, size: Size, /) -> tuple[Box, ...]:
            return self.inner(size)

    picture = ArrayPicture(np.zeros((4, 4, 3), np.uint8))
    assert len({key_of(picture, Center(), Renamed(Grid(columns, 1))) for columns in (1, 2)}) == 2


def test_memory_forgets_what_was_used_least_recently() -> None:
    cache = MemoryCache(max_bytes=2 * (regions().features.nbytes + 160 * len(regions().boxes)))
    for key in "ab":
        cache.put(key, regions())
    cache.get("a")
    cache.put("c", regions())
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]


def test_boxes_take_memory_too() -> None:
    cache = MemoryCache(max_bytes=50_000)
    many = Regions(SIZE, (Box(0, 0, 1, 1),) * 200, np.zeros((6, 1), np.float32), "e", Size(3, 2))
    for key in "ab":
        cache.put(key, many)
    assert [cache.get(key) is not None for key in "ab"] == [False, True]


def test_memory_keeps_nothing_larger_than_itself() -> None:
    cache = MemoryCache(max_bytes=10)
    cache.put("a", regions())
    assert cache.get("a") is None


@pytest.mark.parametrize("damage", [b"", b"\x00" * 8, b"\xff" * 100, b'{"a": 1}'])
def test_a_damaged_entry_is_a_miss_and_is_written_anew(tmp_path: Path, damage: bytes) -> None:
    cache = DiskCache(tmp_path)
    (tmp_path / "key.safetensors").write_bytes(damage)
    assert cache.get("key") is None
    cache.put("key", regions())
    assert same(regions(), cache.get("key"))


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_entry_is_a_miss(tmp_path: Path, keep: float) -> None:
    cache = DiskCache(tmp_path)
    cache.put("key", regions())
    path = tmp_path / "key.safetensors"
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    assert cache.get("key") is None


def test_an_entry_with_a_flipped_bit_is_a_miss(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.put("key", regions())
    path = tmp_path / "key.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert cache.get("key") is None


def test_an_entry_of_another_key_is_a_miss(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.put("other", regions())
    (tmp_path / "other.safetensors").rename(tmp_path / "key.safetensors")
    assert cache.get("key") is None


GOOD_META = {"format": "semclip regions 1", "encoder": "e", "size": "100x100"}
GOOD_BOXES = np.array([[0, 0, 1, 1]])
GOOD_FEATURES = np.zeros((1, 2), np.float32)


@pytest.mark.parametrize(
    ("metadata", "boxes", "features"),
    [
        ({}, GOOD_BOXES, GOOD_FEATURES),
        (GOOD_META | {"format": "other"}, GOOD_BOXES, GOOD_FEATURES),
        (GOOD_META | {"size": "100"}, GOOD_BOXES, GOOD_FEATURES),
        (GOOD_META | {"size": "0x1"}, GOOD_BOXES, GOOD_FEATURES),
        (GOOD_META | {"grid": "2x2"}, GOOD_BOXES, GOOD_FEATURES),
        (GOOD_META, np.array([[0, 0, 101, 1]]), GOOD_FEATURES),
        (GOOD_META, np.array([[5, 0, 5, 1]]), GOOD_FEATURES),
        (GOOD_META, np.array([[0, 0, 1]]), GOOD_FEATURES),
        (GOOD_META, np.array([[0.0, 0, 1, 1]]), GOOD_FEATURES),
        (GOOD_META, GOOD_BOXES, np.zeros((2, 2), np.float32)),
        (GOOD_META, GOOD_BOXES, np.zeros(1, np.float32)),
        (GOOD_META, GOOD_BOXES, np.zeros((1, 2), np.int32)),
        (GOOD_META, GOOD_BOXES, np.full((1, 2), np.nan, np.float32)),
    ],
)
def test_an_entry_that_is_no_regions_is_a_miss(
    tmp_path: Path, metadata: dict[str, str], boxes: NDArray[Any], features: NDArray[Any]
) -> None:
    checked = metadata | {"check": _check("key", metadata, boxes, features)}
    save_file({"boxes": boxes, "features": features}, tmp_path / "key.safetensors", checked)
    assert DiskCache(tmp_path).get("key") is None


def test_a_folder_that_cannot_be_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="folder that can be made"):
        DiskCache(tmp_path / "file" / "cache")


def test_a_folder_that_vanished_is_made_again(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache")
    (tmp_path / "cache").rmdir()
    cache.put("key", regions())
    assert cache.get("key") is not None


def test_an_entry_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "key.safetensors").mkdir()
    with pytest.raises(CacheError, match="folder that can be written"):
        DiskCache(tmp_path).put("key", regions())


def test_processes_share_a_folder(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert sum(pool.map(write_often, [tmp_path] * 3, range(3))) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["key.safetensors"]


def test_a_killed_writer_leaves_a_sound_entry(tmp_path: Path) -> None:
    script = "from pathlib import Path; from tests.test_cache import write_often\nwhile True: write_often(Path('.'), 7)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment) as writer:
        entry = tmp_path / "key.safetensors"
        while not entry.exists():
            assert writer.poll() is None
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
    assert same(regions(7, rows=50), DiskCache(tmp_path).get("key"))
