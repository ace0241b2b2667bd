"""Writing files and folders so that a reader sees the old content or the new, never a part.

Knows nothing of what is written.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
_HERE, _RENAME_EXCHANGE = -100, 2


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Nothing; `path` then holds exactly `data`, whatever else is written there, killed or cut short meanwhile.

    Raises: OSError as `open_atomic` does.
    """
    with open_atomic(path) as file:
        file.write(data)


@contextmanager
def open_atomic(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write into; when the block ends, `path` holds exactly what was written, and not before.

    The bytes go to a fresh name in the same folder, reach the disk, and replace `path` in one step; of several writers
    the last wins. An existing file keeps its place but not its permissions: the new one gets the process's default.
    Missing parent folders are made, links are followed, and what is no file (/dev/null, a pipe) is written into, not
    replaced. A killed process may leave a `.*.tmp` file behind, never a partial `path`; an error in the block leaves
    `path` as it was.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not derived from the target's name, which may already be as long as the file system allows.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        # Not tempfile: its files are readable by their owner alone, and os.replace would keep them so.
        with open(os.open(temporary, _NEW_FILE, 0o666), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def save_folder(target: str | os.PathLike[str], *, marker: str = "config.json") -> Iterator[Path]:
    """A new empty folder beside `target`, to write into; when the block ends, `target` is that folder, whole.

    All files reach the disk before the folder takes its place in one step: whenever the process is killed, `target` is
    the old folder or the new one (where the system cannot exchange two folders, it may be missing for a moment). An
    error in the block leaves `target` as it was. A killed process may leave a `.*.tmp` folder behind.

    Raises:
        FileExistsError: `target` is a file, or a folder with content but without a file named `marker`: not ours.
        OSError: the folder cannot be made or written, or the disk is full; `target` is as it was.
    """
    check_place(target, marker=marker)
    place = Path(os.path.realpath(target))
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{secrets.token_hex(8)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            _sync(path)
        _put(temporary, place)
        _sync(place.parent)
    finally:
        # What is there under this name now: the unfinished folder, or the old one.
        shutil.rmtree(temporary, ignore_errors=True)


def check_place(target: str | os.PathLike[str], *, marker: str = "config.json") -> None:
    """Nothing where `save_folder` may put a folder: work that ends there need not begin elsewhere.

    Raises: FileExistsError as `save_folder` does.
    """
    place = Path(os.path.realpath(target))
    if place.exists() and not (place.is_dir() and ((place / marker).is_file() or not any(place.iterdir()))):
        raise FileExistsError(f"{target} is there already and holds no {marker}; name another folder")


def _put(new: Path, place: Path) -> None:
    """Gives the folder `new` the name `place`; a folder that is there gets the name of `new`."""
    if not place.exists():
        new.rename(place)
    elif not _exchange(new, place):
        aside = new.with_suffix(".old.tmp")
        place.rename(aside)
        new.rename(place)
        aside.rename(new)


def _exchange(one: Path, other: Path) -> bool:
    """Whether the system could exchange the names of two folders in one step: Linux can on most file systems."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    return rename is not None and not rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _RENAME_EXCHANGE)


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders, and others may be written but not read
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
