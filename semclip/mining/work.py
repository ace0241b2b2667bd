"""What is done to each picture of a log: boxes, the few worth a look, the reader's rewards.

Knows nothing of processes, shards or the log as a whole: `Work` says what to do and travels between processes, each of
which makes its own `Tools` of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semclip import images
from semclip.errors import ImageError, InputError, ModelError
from semclip.evaluation.measurement import fitted
from semclip.geometry import Box, Size
from semclip.images import Image, Limits
from semclip.logs import BadLine, Example, reject
from semclip.mining.cache import RewardCache, reading_key
from semclip.mining.readers import find_entry, load_reader
from semclip.mining.rewards import Query, Reader, Rewards
from semclip.mining.shards import MinedRow
from semclip.mining.thinning import thin
from semclip.pipeline import SemClip
from semclip.proposals import pyramid
from semclip.protocols import Proposer, Relevance
from semclip.relevance.table import load_relevance
from semclip.selection import Choice

CACHE = "rewards.sqlite"


@dataclass(frozen=True, slots=True)
class Work:
    """How rows are mined. Reader and ψ are names for their tables, or objects that can be pickled.

    `budget`: boxes tried for a row, and so the passes it may take; None tries all and asks no ψ, as does a reader that
    takes no pass. `explore`: the share of them that look at the rest of the picture (see thinning.thin).
    `options` are the named reader's. `cache` is a folder for rewards; None keeps none.
    """

    reader: str | Reader
    options: tuple[tuple[str, Any], ...] = ()
    psi: str | Relevance = "embedded"
    budget: int | None = 16
    explore: float = 0.5
    propose: Proposer = pyramid
    cache: Path | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 1:
            raise InputError(f"a budget needs to be at least 1, got {self.budget}")
        if not 0 <= self.explore <= 1:
            raise InputError(f"explore needs to be between 0 and 1, got {self.explore}")


@dataclass(frozen=True, slots=True)
class Task:
    """Rows of the log `source` that share a picture; `shard` is the number of the shard that they belong to."""

    shard: int
    source: Path
    rows: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of the rows of a task, in order; `spent`: the passes of those that were read now."""

    shard: int
    results: tuple[MinedRow | BadLine, ...]
    spent: int = 0


@dataclass(frozen=True)
class Tools:
    """What one process works with. `psi` is None where all boxes are tried."""

    work: Work
    reader: Reader
    psi: SemClip | None
    cache: RewardCache | None

    @property
    def budget(self) -> int | None:
        return None if self.psi is None else self.work.budget


def open_tools(work: Work) -> Tools:
    """The tools for `work`.

    Raises: what loading a reader and a ψ raises; InputError for a budget too low for the reader; CacheError.
    """
    looks = not isinstance(work.reader, str) or find_entry(work.reader).looks
    reader = load_reader(work.reader, **dict(work.options)) if isinstance(work.reader, str) else work.reader
    if work.budget is not None and work.budget < reader.least_passes:
        raise InputError(f"reader {reader.name} needs a budget of at least {reader.least_passes}, got {work.budget}")
    if not looks or work.budget is None:
        psi = None
    else:
        relevance = load_relevance(work.psi) if isinstance(work.psi, str) else work.psi
        psi = SemClip(relevance, work.propose, Choice(k=1), limits=work.limits)
    cache = RewardCache(work.cache / CACHE) if looks and work.cache is not None else None
    return Tools(work, reader, psi, cache)


def mine_task(task: Task, tools: Tools) -> Done:
    """The rows of `task` with their rewards, or why a row has none: nothing that a row holds ends the job.

    Raises: ModelError, ServerError or CacheError where reader, ψ or cache fail.
    """
    try:
        picture = images.load(task.rows[0].image, tools.work.limits)
        picture.resized(Size(1, 1))  # a broken picture is no use, even where only its size matters here
    except ImageError as error:
        return Done(task.shard, tuple(reject(row, task.source, str(error)) for row in task.rows))
    boxes = tools.work.propose(picture.size)
    queries = [_query(row, boxes, picture, tools) for row in task.rows]
    rewards = _read(picture, [query for query in queries if isinstance(query, Query)], tools)
    results, spent = list[MinedRow | BadLine](), 0
    for row, query in zip(task.rows, queries, strict=True):
        result: MinedRow | InputError
        if isinstance(query, Query):
            found, passes = next(rewards)
            spent += passes
            result = _mined(query, picture, found)
        else:
            result = query
        results.append(result if isinstance(result, MinedRow) else reject(row, task.source, str(result)))
    return Done(task.shard, tuple(results), spent)


def _query(row: Example, boxes: tuple[Box, ...], picture: Image, tools: Tools) -> Query | InputError:
    try:
        "".join(row.answers).encode()
        example = fitted(row, picture.size)
        return Query(example, boxes, _tries(example.question, boxes, picture, tools))
    except UnicodeEncodeError:
        return InputError("'answers' need to be text that can be encoded, got half of a surrogate pair")
    except InputError as error:
        return error


def _tries(question: str, boxes: tuple[Box, ...], picture: Image, tools: Tools) -> tuple[int, ...]:
    if tools.psi is None or tools.budget is None:
        return tuple(range(len(boxes)))
    scores = np.array([one.score for one in tools.psi.select(picture, question).considered])
    return thin(scores, boxes, size=picture.size, budget=tools.budget, explore=tools.work.explore)


def _read(picture: Image, queries: Sequence[Query], tools: Tools) -> Iterator[tuple[Rewards | InputError, int]]:
    """Yield what the reader says of each of `queries`, and the passes of those that it is asked of now.

    Each is kept before the next is asked for.
    """
    cache = tools.cache
    if cache is None:
        yield from ((one, _passes(one)) for one in _asked(picture, queries, tools))
        return
    keys = [reading_key(tools.reader.fingerprint, picture.digest, query) for query in queries]
    known = [cache.get(key) for key in keys]
    asked = _asked(picture, [query for query, one in zip(queries, known, strict=True) if one is None], tools)
    for key, one in zip(keys, known, strict=True):
        if one is not None:
            yield one, 0
            continue
        found = next(asked)
        if isinstance(found, Rewards):
            cache.put(key, found)
        yield found, _passes(found)


def _asked(picture: Image, queries: Sequence[Query], tools: Tools) -> Iterator[Rewards | InputError]:
    """Yield what the reader says of each of `queries`. Raises: ModelError where that cannot be."""
    name, found = tools.reader.name, iter(tools.reader(picture, queries))
    for number, query in enumerate(queries):
        one = next(found, None)
        if one is None:
            raise ModelError(f"reader {name} needs {len(queries)} values, gave {number}")
        if isinstance(one, Rewards) and not _is_sound(one, query):
            needed = f"{len(query.boxes)} rewards from 0 to 1 or NaN and at most {len(query.tries)} passes"
            raise ModelError(f"reader {name} needs {needed}, gave {one}")
        yield one


def _is_sound(rewards: Rewards, query: Query) -> bool:
    values = rewards.values
    if values.shape != (len(query.boxes),) or not 0 <= rewards.passes <= len(query.tries):
        return False
    return bool((np.isnan(values) | ((values >= 0) & (values <= 1))).all())


def _passes(found: Rewards | InputError) -> int:
    return found.passes if isinstance(found, Rewards) else 0


def _mined(query: Query, picture: Image, rewards: Rewards | InputError) -> MinedRow | InputError:
    if isinstance(rewards, InputError):
        return rewards
    example, known = query.example, ~np.isnan(rewards.values)
    if not known.any():
        return InputError("the reader knows of no box what it is worth")
    return MinedRow(
        id=str(example.id),
        image=example.image,
        digest=picture.digest,
        size=picture.size,
        question=example.question,
        answers=example.answers,
        evidence=example.evidence,
        split=example.split,
        edges=np.array([box.to_list() for box in query.boxes], np.int32)[known],
        rewards=rewards.values[known].astype(np.float32),
        passes=rewards.passes,
    )
