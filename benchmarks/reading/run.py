"""From a log, names of ψ and a reader to findings: groups by image, shares the images out, sums up."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from benchmarks.reading.measurement import OVERVIEW, Row, Terms, try_image
from benchmarks.reading.pictures import SIDE_PX
from semclip import __version__
from semclip.errors import InputError
from semclip.evaluation.answers.findings import Findings, Paired
from semclip.evaluation.answers.protocol import digest
from semclip.evaluation.answers.summary import Table, summarise, units
from semclip.evaluation.compare import Progress, load_system
from semclip.evaluation.report import Rejected
from semclip.logs import Example, read_log
from semclip.mining.readers.ocr import ReadsText

Tried = list[tuple[Example, Row | InputError]]


@dataclass(frozen=True, slots=True)
class Config:
    """What is measured. `against`: strategies to set others against; `workers`: images worked on at a time."""

    psi: tuple[str, ...]
    ks: tuple[int, ...] = (1, 2, 4)
    against: tuple[str, ...] = (OVERVIEW,)
    split: str | None = None
    limit: int | None = None
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1:
            raise InputError(f"ks needs one or more numbers >= 1, got {list(self.ks)}")
        if self.workers < 1:
            raise InputError(f"workers needs to be at least 1, got {self.workers}")


def read_answers(log: Path, text: ReadsText, config: Config, progress: Progress) -> Findings:
    """Whether `text` reads the answers to the questions of `log` in what each strategy shows.

    Raises: InputError where nothing can be measured or compared, LogError for a log that cannot be read, and what
    `load_relevance` raises.
    """
    name = log.resolve().parent.name
    systems = tuple(load_system(psi, seed=config.seed) for psi in config.psi)
    terms = Terms(name, systems, config.ks, text)
    unknown = set(config.against) - set(terms.strategies)
    if unknown:
        raise InputError(f"a comparison needs one of {', '.join(terms.strategies)}, got {', '.join(sorted(unknown))}")
    tried = _try_all(list(islice(read_log(log, split=config.split), config.limit)), terms, config, progress)
    rows = [one for _, one in tried if not isinstance(one, InputError)]
    rejected = tuple(Rejected(name, row.id, str(one)) for row, one in tried if isinstance(one, InputError))
    if not rows:
        reason = f", the first: {rejected[0].reason}" if rejected else ""
        raise InputError(f"a question that can be measured is needed, got none, {len(rejected)} rejected{reason}")
    results, _ = summarise(_table(rows, terms, config, first=OVERVIEW))
    pairs = chain.from_iterable(_pairs(rows, terms, config, first=first) for first in config.against)
    protocol = _protocol(terms, config)
    return Findings(__version__, digest(protocol), protocol, terms.strategies, tuple(results), tuple(pairs), rejected)


def _try_all(examples: Sequence[Example], terms: Terms, config: Config, progress: Progress) -> Tried:
    by_image: dict[Path, list[Example]] = {}
    for example in examples:
        by_image.setdefault(example.image, []).append(example)
    groups, tried = list(by_image.values()), Tried()
    progress(0, len(examples))
    with ThreadPoolExecutor(config.workers) as pool:
        for rows, outcomes in zip(groups, pool.map(partial(try_image, terms=terms), groups), strict=True):
            tried += zip(rows, outcomes, strict=True)
            progress(len(tried), len(examples))
    return tried


def _pairs(rows: Sequence[Row], terms: Terms, config: Config, *, first: str) -> list[Paired]:
    return summarise(_table(rows, terms, config, first=first))[1]


def _table(rows: Sequence[Row], terms: Terms, config: Config, *, first: str) -> Table:
    """The rows with the records of the strategy `first` before those of all others."""
    order = sorted(range(len(terms.strategies)), key=lambda at: terms.strategies[at] != first)
    ordered = [tuple(row[at] for at in order) for row in rows]
    return Table(terms.name, tuple(terms.strategies[at] for at in order), ordered, units(ordered, "mean"), config.seed)


def _protocol(terms: Terms, config: Config) -> dict[str, Any]:
    """Everything that decides what is read."""
    return {
        "split": config.split or "all",
        "limit": config.limit,
        "reader": terms.text.fingerprint,
        "side_px": SIDE_PX,
        "psi": {system.name: system.fingerprint for system in terms.systems},
        "seed": config.seed,
    }
