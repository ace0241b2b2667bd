"""From a log to a folder of mined rows: deals out work, writes shards, and goes on where it was stopped."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from semclip.errors import InputError, LogError
from semclip.logs import BadLine, Example, Format, check_rows, open_log, write_rejects
from semclip.logs.lines import unreadable
from semclip.mining.readers import find_entry
from semclip.mining.runners import Runner, serial
from semclip.mining.shards import MinedRow
from semclip.mining.store import META, REJECTS, Store, read_meta
from semclip.mining.summary import Summary
from semclip.mining.work import CACHE, Task, Tools, Work, open_tools

ROWS_PER_SHARD = 1000

_ROWS_PER_TASK = 16
"""Of one picture: enough that it is seldom decoded twice, few enough that processes share them evenly."""

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

    The same call goes on where an earlier one was stopped: rows in shards stay, other rewards come from the cache, and
    what was rejected is tried again.

    Raises: InputError where `out` holds something else, or another job, or cannot be written; LogError where the log
    cannot be read or has no such split; what loading the reader and ψ raises; ModelError, ServerError or CacheError
    where they fail: what was finished stays.
    """
    started_s = time.perf_counter()
    earlier, log_hash = _earlier(out), _hash(log)
    store = Store(out, config.images or log.parent)
    # Reads the log once, before anything is made: one that cannot be read leaves no folder.
    job = _Job(log, config, store, progress or _silent)
    tools = open_tools(config.work if config.work.cache else replace(config.work, cache=out))
    identity = _identity(log, out, config, tools) | {"log_sha256": log_hash}
    if earlier is None:
        store.write_meta(identity)
    elif differing := [name for name in identity if identity[name] != earlier.get(name)]:
        raise InputError(f"{out} holds another job, with another {', '.join(differing)}; mine into another folder")
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
        "limits": asdict(config.work.limits),
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
        raise unreadable(log, error) from error


def _of_split(rows: Iterable[Example | BadLine], split: str, log: Path) -> Iterator[Example | BadLine]:
    """Yield the rows of the split, and those that are too bad to say of which they are.

    Raises: LogError at the end, where none was of the split.
    """
    splits = set[str]()
    for row in rows:
        splits |= {row.split} if row.split else set()
        if row.split == split or (row.split is None and isinstance(row, BadLine)):
            yield row
    if split not in splits:
        there = ", ".join(sorted(splits)) or "none"
        raise LogError(f"a log needs rows of the split {split!r}, got none in {log}; its splits: {there}")


class _Job:
    """One run over the log. `summary` and the shards' hashes grow as it goes."""

    def __init__(self, log: Path, config: MineConfig, store: Store, progress: Progress) -> None:
        self.summary = Summary()
        self._log = log
        self._config = config
        self._store = store
        self._progress = progress
        self._hashes: dict[int, str] = {}
        self._begun: dict[int, dict[str, Example | MinedRow | BadLine]] = {}
        self._total = sum(1 for _ in self._rows())

    def do(self, run: Runner, tools: Tools) -> None:
        """Nothing; every shard is then written."""
        for number, group in groupby(run(tools, self._tasks()), key=lambda done: done.shard):
            shard = self._begun[number]
            for done in group:
                shard |= {str(one.id): one for one in done.results}
                self.summary.spent += done.spent
                self._count(len(done.results))
            rows = [one for one in shard.values() if isinstance(one, MinedRow)]
            self._hashes[number] = self._store.write(number, rows)
            self.summary.add(rows)
            self.summary.rejects += [one for one in shard.values() if isinstance(one, BadLine)]
            del self._begun[number]

    def end(self, identity: dict[str, Any]) -> None:
        """Nothing; the rejects are then written, and mined.json says that the job is complete."""
        self.summary.rejects.sort(key=lambda one: (one.line, str(one.id)))
        write_rejects(self._store.folder / REJECTS, self.summary.rejects)
        hashes = [self._hashes[number] for number in range(len(self._hashes))]
        self._store.write_meta(identity, {"counts": self.summary.counts(), "shards": hashes})

    def _rows(self) -> Iterator[Example | BadLine]:
        config, reader = self._config, self._config.work.reader
        rows = open_log(self._log, format=config.log_format, images=config.images)
        wanted = rows if config.split is None else _of_split(rows, config.split, self._log)
        needs = [find_entry(reader).needs] if isinstance(reader, str) else []
        # Whether a picture is there is for whoever opens it: the log alone says which rows are in which shard.
        return islice(check_rows(wanted, self._log, needs=needs, files=False), config.limit)

    def _tasks(self) -> Iterator[Task]:
        """Yield the work of all rows that no shard has yet; the others count at once."""
        for number, examples in self._shards():
            kept = self._kept(number)
            left = [example for example in examples if str(example.id) not in kept]
            self._count(len(examples) - len(left))
            if left:
                self._begun[number] = {str(one.id): kept.get(str(one.id), one) for one in examples}
                yield from self._of_pictures(number, left)
            else:
                self.summary.add(kept.values())

    def _of_pictures(self, number: int, examples: list[Example]) -> Iterator[Task]:
        """Yield the work of these rows of a shard, those of one picture together, wherever they stand."""
        pictures: dict[Path, list[Example]] = {}
        for example in examples:
            pictures.setdefault(example.image, []).append(example)
        for rows in pictures.values():
            for start in range(0, len(rows), _ROWS_PER_TASK):
                yield Task(number, self._log, tuple(rows[start : start + _ROWS_PER_TASK]))

    def _shards(self) -> Iterator[tuple[int, list[Example]]]:
        """Yield the examples of each shard, one or more, with its number; what is no example is rejected."""
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

    def _kept(self, number: int) -> dict[str, MinedRow]:
        """The rows of the shard by their ids; those that were rejected are not among them, so that they are retried."""
        try:
            rows, self._hashes[number] = self._store.read(number)
        except InputError:  # not there yet, or damaged: made anew
            return {}
        return {row.id: row for row in rows}

    def _count(self, rows: int) -> None:
        self.summary.rows += rows
        self._progress(self.summary.rows, self._total)
