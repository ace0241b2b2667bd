"""Rewards kept by content in one SQLite file, so that no reader looks twice and a killed job loses nothing.

What a reader refused is not kept: the reason may have gone when it is asked again. Any number of processes may share
the file. A damaged entry is a miss, a damaged file is set aside.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from semclip.errors import CacheError
from semclip.mining.rewards import Query, Rewards

_FORMAT = "semclip rewards 2"
_TABLE = "CREATE TABLE IF NOT EXISTS rewards (key TEXT PRIMARY KEY, value TEXT NOT NULL, hash TEXT NOT NULL)"
_PATIENCE_S = 60.0
"""How long one process waits while another writes; a write takes milliseconds."""


def reading_key(fingerprint: str, digest: str, query: Query) -> str:
    """64 hex digits that name what the reader of this fingerprint says of `query` on the picture of this digest."""
    asked = [
        query.example.question,
        query.example.answers,
        [box.to_list() for box in query.example.evidence],
        [box.to_list() for box in query.boxes],
        query.tries,
    ]
    return hashlib.sha256(json.dumps([_FORMAT, fingerprint, digest, asked]).encode()).hexdigest()


class RewardCache:
    """What readers said, in the file `path`, which is made with its folder.

    Raises: CacheError where the file cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(f"the cache needs a folder that can be made, got {path.parent}: {error}") from error
        try:
            self._prepare()
        except sqlite3.OperationalError as error:  # locked, full, read-only: nothing that a new file would cure
            raise CacheError(f"the cache needs a file that can be written, got {path}: {error}") from error
        except sqlite3.DatabaseError:
            os.replace(path, path.with_name(f"{path.name}.damaged"))
            # SQLite would undo in the new file what was half done in the old one.
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            self._prepare()

    def get(self, key: str) -> Rewards | None:
        """What was put under `key`; None where nothing sound was."""
        try:
            with self._open() as file:
                row = file.execute("SELECT value, hash FROM rewards WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        if row is None or row[1] != _check(key, row[0]):
            return None
        passes, values = json.loads(row[0])
        return Rewards(np.frombuffer(bytes.fromhex(values), "<f4"), passes)

    def put(self, key: str, rewards: Rewards) -> None:
        """Nothing; when this returns they are on the disk, or there is a CacheError."""
        value = json.dumps([rewards.passes, rewards.values.astype("<f4").tobytes().hex()])
        try:
            with self._open() as file:
                file.execute("INSERT OR REPLACE INTO rewards VALUES (?, ?, ?)", (key, value, _check(key, value)))
        except sqlite3.Error as error:
            raise CacheError(f"the cache needs a file that can be written, got {self._path}: {error}") from error

    def _prepare(self) -> None:
        with self._open() as file:
            if file.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
            file.execute(_TABLE)
            file.execute("SELECT key, value, hash FROM rewards LIMIT 1")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction, on a connection of its own: connections survive neither a fork nor a pickle."""
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE_S)) as connection, connection:
            yield connection


def _check(key: str, value: str) -> str:
    return hashlib.sha256(f"{key}\0{value}".encode()).hexdigest()
