"""Atomic writing of files and folders: all or nothing, and nothing left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from semclip.files import open_atomic, save_folder, write_atomic


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.bin", b"\x00\r\n\xff")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\r\n\xff"


def test_an_existing_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"a much longer old content")
    write_atomic(str(target), b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


SPY = """
import sys
sys.addaudithook(lambda event, given: print(event, given[0]) if event in ("open", "os.rename") else None)
from semclip.files import write_atomic
write_atomic(sys.argv[1], b"1")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_the_new_name_reaches_the_disk_after_it_was_given(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SPY, tmp_path / "a.bin"], capture_output=True, text=True, check=True)
    *_, renamed, opened = done.stdout.splitlines()
    assert renamed.startswith("os.rename")
    assert opened == f"open {tmp_path}"


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


def test_an_error_while_writing_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def fail() -> None:
        with open_atomic(target) as file:
            file.write(b"new")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def fill(folder: Path, content: str) -> None:
    (folder / "part").mkdir()
    for name in ("config.json", "a.bin", "part/b.bin"):
        (folder / name).write_text(content)


def contents(folder: Path) -> set[str]:
    """What the files of a folder that `fill` filled hold; every file must be there."""
    return {(folder / name).read_text() for name in ("config.json", "a.bin", "part/b.bin")}


def test_a_saved_folder_holds_what_was_written(tmp_path: Path) -> None:
    with save_folder(tmp_path / "new" / "psi") as folder:
        fill(folder, "1")
        assert not (tmp_path / "new" / "psi").exists()
    assert contents(tmp_path / "new" / "psi") == {"1"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["psi"]


def test_a_saved_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for content in ("1", "2"):
        with save_folder(tmp_path / "psi") as folder:
            fill(folder, content)
            (folder / f"only_{content}").touch()
    assert contents(tmp_path / "psi") == {"2"}
    assert not (tmp_path / "psi" / "only_1").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["psi"]


def test_an_error_leaves_the_old_folder(tmp_path: Path) -> None:
    with save_folder(tmp_path / "psi") as folder:
        fill(folder, "1")

    def fail() -> None:
        with save_folder(tmp_path / "psi") as folder:
            (folder / "config.json").write_text("2")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert contents(tmp_path / "psi") == {"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["psi"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "psi").mkdir()
    with save_folder(tmp_path / "psi") as folder:
        fill(folder, "1")
    assert contents(tmp_path / "psi") == {"1"}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "psi")
    with save_folder(tmp_path / "link") as folder:
        fill(folder, "1")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "psi") == {"1"}


@pytest.mark.parametrize("kind", ["file", "somebody's folder"])
def test_what_is_no_folder_of_ours_is_not_replaced(kind: str, tmp_path: Path) -> None:
    kept = tmp_path / "photos" / "holiday.jpg"
    kept.parent.mkdir()
    kept.write_bytes(b"1")
    with pytest.raises(FileExistsError, match=r"config\.json"), save_folder(kept if kind == "file" else kept.parent):
        pass
    assert kept.read_bytes() == b"1"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["holiday.jpg", "photos"]


SAVING = """
import os, signal, sys
from semclip.files import save_folder
from tests.test_files import fill

left = int(sys.argv[2])

def count(event, arguments):
    global left
    if event in ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "ctypes.dlsym", "shutil.rmtree"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

from pathlib import Path
sys.addaudithook(count)
with save_folder(sys.argv[1]) as folder:
    fill(folder, "2")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere folders are not exchanged in one step")
def test_whenever_the_process_is_killed_the_folder_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    with save_folder(tmp_path / "psi") as folder:
        fill(folder, "1")
    seen: list[str] = []
    code: int = -signal.SIGKILL
    while code == -signal.SIGKILL:
        run = [sys.executable, "-c", SAVING, str(tmp_path / "psi"), str(len(seen))]
        code = subprocess.run(run, check=False, env=os.environ | {"PYTHONPATH": os.getcwd()}).returncode
        (content,) = contents(tmp_path / "psi")
        seen.append(content)
        if content == "2":  # for the next one to start from
            with save_folder(tmp_path / "psi") as folder:
                fill(folder, "1")
    assert code == 0
    assert len(seen) > 10
    assert "".join(seen).lstrip("1").lstrip("2") == ""
    assert (seen[0], seen[-1]) == ("1", "2")
