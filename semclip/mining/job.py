"""From a log to a folder of mined rows: deals out work, writes shards, and goes on where it was stopped."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from semclip.errors import InputError, LogError
from semclip.logs import BadLine, Example, Format, check_rows, open_log, write_rejects
from semclip.mining.readers import find_entry
from semclip.mining.runners import Runner, serial
from semclip.mining.shards import MinedRow, Shard
from semclip.mining.store import META, REJECTS, Store, read_meta
from semclip.mining.summary import Summary
from semclip.mining.work import CACHE, Task, Tools, Work, open_tools

ROWS_PER_SHARD = 1000

_ROWS_PER_TASK = 16
"""Of one picture: what a job that is killed loses at most, and for what a reader may share what it saw."""

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


@dataclass(frozen=True, slots=True)
class MineConfig:
    """What is mined. `images`: another folder to which image paths are relative. `limit` takes the first rows."""

    work: Work
    log_format: Format = "auto"
    images: Path | None = None
    split: str | None = None
    limit: int | None = None
    rows_per_shard: int = ROWS_PER_SHARD

    def __post_init__(self) -> None:
        if self.rows_per_shard < 1 or (self.limit is not None and self.limit < 1):
            raise InputError(f"rows need to be at least 1, got {self.rows_per_shard} a shard, limit {self.limit}")


def mine(
    log: Path, out: Path, *, config: MineConfig, run: Runner = serial, progress: Progress | None = None
) -> Summary:
    """What the job came to, whose rows are then in the folder `out`; read them with store.read_mined.

    The same call goes on where an earlier one was stopped: whole shards stay, and rewards come from the cache.

    Raises: InputError where `out` holds something else, or another job; LogError where the log cannot be read; what
    loading the reader and ψ raises; ModelError, ServerError or CacheError where they fail: what was finished stays.
    """
    started_s = time.perf_counter()
    earlier, log_hash = _earlier(out), _hash(log)
    tools = open_tools(config.work if config.work.cache else replace(config.work, cache=out))
    identity = _identity(log, out, config, tools) | {"log_sha256": log_hash}
    store = Store(out, config.images or log.parent, log)
    if earlier is None:
        _claim(store, identity)
    elif differing := [name for name in identity if identity[name] != earlier.get(name)]:
        raise InputError(f"{out} holds another job, with another {', '.join(differing)}; mine into another folder")
    job = _Job(log, config, store, progress or _silent)
    job.do(run, tools)
    job.end(identity)
    job.summary.seconds = time.perf_counter() - started_s
    return job.summary


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def _earlier(out: Path) -> dict[str, Any] | None:
    """The job that `out` holds, None for a folder that is new. Raises: InputError where it holds anything else."""
    if (out / META).exists():
        job: dict[str, Any] = read_meta(out)["job"]
        return job
    ours = (CACHE, f"{CACHE}-journal")
    if out.exists() and not (out.is_dir() and all(_is_left(path.name, ours) for path in out.iterdir())):
        raise InputError(f"mine needs a new folder, or one that it has begun, got {out}")
    return None


def _is_left(name: str, ours: tuple[str, ...]) -> bool:
    """Whether a killed job can have left the file before it had its name on the folder."""
    return name in ours or (name.startswith(".") and name.endswith(".tmp"))


def _claim(store: Store, identity: dict[str, Any]) -> None:
    try:
        store.write_meta(identity)
    except OSError as error:
        raise InputError(f"mine needs a folder that can be written, got {store.folder}: {error}") from error


def _identity(log: Path, out: Path, config: MineConfig, tools: Tools) -> dict[str, Any]:
    """What decides the rows: two jobs with the same identity make the same shards."""
    psi = None if tools.psi is None else tools.psi.relevance
    return {
        "log": _relative(log, out),
        "log_format": config.log_format,
        "images": _relative(config.images or log.parent, out),
        "split": config.split,
        "limit": config.limit,
        "reader": {"name": tools.reader.name, "fingerprint": tools.reader.fingerprint},
        "psi": None if psi is None else {"name": psi.name, "fingerprint": psi.fingerprint},
        "proposer": config.work.propose.name,
        "budget": tools.budget,
        "explore": None if psi is None else config.work.explore,
        "rows_per_shard": config.rows_per_shard,
    }


def _relative(path: Path, folder: Path) -> str:
    # Real paths: through a link, ".." leads elsewhere.
    real = os.path.realpath(path)
    try:
        return Path(os.path.relpath(real, os.path.realpath(folder))).as_posix()
    except ValueError:  # on another drive of Windows
        return Path(real).as_posix()


def _hash(log: Path) -> str:
    try:
        with log.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LogError(f"a log needs to be a readable file, got {log}: {error.strerror or error}") from error


class _Job:
    """One run over the log. `summary` and the shards' hashes grow as it goes."""

    def __init__(self, log: Path, config: MineConfig, store: Store, progress: Progress) -> None:
        self.summary = Summary()
        self._log = log
        self._config = config
        self._store = store
        self._progress = progress
        self._hashes: dict[int, str] = {}
        self._total = sum(1 for _ in self._rows())

    def do(self, run: Runner, tools: Tools) -> None:
        """Nothing; every shard is then written."""
        for number, group in groupby(run(tools, self._tasks()), key=lambda done: done.shard):
            results: list[MinedRow | BadLine] = []
            for done in group:
                results += done.results
                self.summary.spent += done.spent
                self._count(len(done.results))
            rows = tuple(one for one in results if isinstance(one, MinedRow))
            shard = Shard(rows, tuple(one for one in results if isinstance(one, BadLine)))
            self._hashes[number] = self._store.write(number, shard)
            self.summary.add(shard)

    def end(self, identity: dict[str, Any]) -> None:
        """Nothing; the rejects are then written, and mined.json says that the job is complete."""
        self.summary.rejects.sort(key=lambda one: (one.line, str(one.id)))
        write_rejects(self._store.folder / REJECTS, self.summary.rejects)
        hashes = [self._hashes[number] for number in range(len(self._hashes))]
        self._store.write_meta(identity, {"counts": self.summary.counts(), "shards": hashes})

    def _rows(self) -> Iterator[Example | BadLine]:
        config, reader = self._config, self._config.work.reader
        rows = open_log(self._log, format=config.log_format, images=config.images)
        wanted = (row for row in rows if config.split is None or isinstance(row, BadLine) or row.split == config.split)
        needs = [find_entry(reader).needs] if isinstance(reader, str) else []
        return islice(check_rows(wanted, self._log, needs=needs), config.limit)

    def _tasks(self) -> Iterator[Task]:
        """Yield the work of all shards that are not there yet; the others count at once."""
        for number, examples in self._shards():
            kept = self._kept(number)
            if kept is None:
                for _, rows in groupby(examples, key=lambda example: example.image):
                    while some := tuple(islice(rows, _ROWS_PER_TASK)):
                        yield Task(number, self._log, some)
            else:
                self.summary.add(kept)
                self._count(len(examples))

    def _shards(self) -> Iterator[tuple[int, list[Example]]]:
        """Yield the examples of each shard with its number; what is no example is rejected."""
        number, examples = 0, list[Example]()
        for row in self._rows():
            if isinstance(row, BadLine):
                self.summary.rejects.append(row)
                self._count(1)
                continue
            examples.append(row)
            if len(examples) == self._config.rows_per_shard:
                yield number, examples
                number, examples = number + 1, []
        if examples:
            yield number, examples

    def _kept(self, number: int) -> Shard | None:
        try:
            shard, self._hashes[number] = self._store.read(number)
        except InputError:  # not there yet, or damaged: made anew
            return None
        return shard

    def _count(self, rows: int) -> None:
        self.summary.rows += rows
        self._progress(self.summary.rows, self._total)
