"""The folder that mining leaves behind: shards of rows, the rejects, and what made them.

    mined.json  rejects.jsonl  rows-00000.parquet  rows-00001.parquet ...

mined.json is there first and says what the job is; once all is written it also says how it ended.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from semclip.errors import InputError
from semclip.files import write_atomic
from semclip.mining.shards import MinedRow, decode_shard, encode_shard

__all__ = ["META", "REJECTS", "Mined", "MinedRow", "Store", "read_meta", "read_mined"]

FORMAT = "semclip mined 1"
META = "mined.json"
REJECTS = "rejects.jsonl"


@dataclass(frozen=True, slots=True, eq=False)
class Mined:
    """What a folder holds: its rows in the order of the log, and mined.json."""

    rows: tuple[MinedRow, ...]
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of shards; pictures lie under `images`."""

    folder: Path
    images: Path

    def path(self, number: int) -> Path:
        """Of the shard of that number, from 0."""
        return self.folder / f"rows-{number:05}.parquet"

    def has(self, number: int) -> bool:
        return self.path(number).is_file()

    def read(self, number: int) -> tuple[list[MinedRow], str]:
        """The rows of the shard, and the sha256 of its file.

        Raises: InputError where it is missing or damaged.
        """
        path = self.path(number)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"mined rows need every shard, and {path} cannot be read: {error.strerror}") from error
        return decode_shard(data, self.images, name=os.fspath(path)), hashlib.sha256(data).hexdigest()

    def write(self, number: int, rows: Sequence[MinedRow]) -> str:
        """The sha256 of the shard's file, which is then whole on the disk. Raises: InputError where it cannot be."""
        data = encode_shard(rows, self.images)
        _write(self.path(number), data)
        return hashlib.sha256(data).hexdigest()

    def write_meta(self, job: dict[str, Any], ended: dict[str, Any] | None = None) -> None:
        """Nothing; mined.json then names the job, and once it has `ended` how. Raises: as `write`."""
        meta = {"format": FORMAT, "job": job, "complete": ended is not None, **(ended or {})}
        _write(self.folder / META, f"{json.dumps(meta, indent=2)}\n".encode())


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomic(path, data)
    except OSError as error:
        cause = error.strerror or error
        raise InputError(f"mined rows need a folder that can be written, got {path.parent}: {cause}") from error


def read_mined(folder: Path, *, images: Path | None = None, incomplete: bool = False) -> Mined:
    """The rows of a finished job, or with `incomplete` the beginning of one; `images` is another root for its pictures.

    Raises: InputError where the folder is no such thing, is not complete, or is damaged.
    """
    meta = read_meta(folder)
    if not meta["complete"] and not incomplete:
        raise InputError(f"mined rows need a job that has ended, got {folder}; run the same semclip mine again")
    job = meta["job"]
    store = Store(folder, images or folder / job["images"])
    rows: list[MinedRow] = []
    for number in range(len(meta["shards"])) if meta["complete"] else count():
        if not meta["complete"] and not store.has(number):
            break
        some, found = store.read(number)
        if meta["complete"] and found != meta["shards"][number]:
            where = f"{store.path(number)}; run the same semclip mine again"
            raise InputError(f"a shard needs the content that {META} names, got another in {where}")
        rows += some
    return Mined(tuple(rows), meta)


def read_meta(folder: Path) -> dict[str, Any]:
    """What mined.json of `folder` holds.

    Raises: InputError where there is none, or one of another kind.
    """
    try:
        meta: dict[str, Any] = json.loads((folder / META).read_bytes())
        if meta["format"] != FORMAT:
            raise ValueError(f"its format is {meta['format']!r}, not {FORMAT!r}")
        texts = [meta["job"]["images"], meta["job"]["log"], *(meta["shards"] if meta["complete"] else ())]
        if type(meta["complete"]) is not bool or not all(isinstance(text, str) for text in texts):
            raise ValueError("its fields are of other kinds")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise InputError(f"mined rows need a folder that semclip mine wrote, got {folder} ({cause})") from error
    return meta
