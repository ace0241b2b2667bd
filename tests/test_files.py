"""Atomic writing: all or nothing, and nothing left behind."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from semclip.files import write_atomic


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.bin", b"\x00\r\n\xff")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\r\n\xff"


def test_an_existing_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"a much longer old content")
    write_atomic(str(target), b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_parents_are_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "x" / "y" / "a.bin", b"1")
    assert (tmp_path / "x" / "y" / "a.bin").read_bytes() == b"1"


def test_a_bare_name_goes_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomic("a.bin", b"1")
    assert (tmp_path / "a.bin").read_bytes() == b"1"


def test_the_longest_allowed_name_works(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("a" * 255), b"1")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    with pytest.raises(OSError, match="folder"):
        write_atomic(tmp_path / "folder", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a.bin")
    for data in (b"1", b"2"):
        write_atomic(tmp_path / "link", data)
        assert (tmp_path / "a.bin").read_bytes() == data
    assert (tmp_path / "link").is_symlink()


def test_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomic(pipe, b"1")
    assert os.read(reader, 10) == b"1"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_data_that_is_no_bytes_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_atomic(tmp_path / "a.bin", "text")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomic(tmp_path / "atomic", b"")
    assert stat.S_IMODE(os.stat(tmp_path / "atomic").st_mode) == stat.S_IMODE(os.stat(tmp_path / "plain").st_mode)


def test_concurrent_writers_never_mix(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    contents = [bytes([letter]) * 10_000 for letter in b"abcdefgh"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda data: write_atomic(target, data), contents * 4))
    assert target.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [target]
