"""From logs and ψ names to a report: reads, groups by image, measures, sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from semclip import __version__
from semclip.errors import InputError
from semclip.evaluation.measurement import EvalConfig, Measured, System, measure_image
from semclip.evaluation.report import POOLED, Rejected, Report
from semclip.evaluation.summary import summarise
from semclip.logs import BadLine, Example, parse_log
from semclip.protocols import Relevance
from semclip.relevance.baselines import Oracle, Random
from semclip.relevance.table import load_relevance
from semclip.types import Maker

Progress = Callable[[int, int], None]
"""Called with (questions done, questions in all), first with 0 done."""

Lines = Mapping[str, Sequence[Example | BadLine]]
"""The lines of each set, by its name."""


def run_eval(
    files: Sequence[Path], names: Sequence[str], *, config: EvalConfig | None = None, progress: Progress | None = None
) -> Report:
    """How the ψ called `names` do on the logs `files`; the first is compared with each of the others.

    A set is called as its log's folder. What cannot be measured (a malformed line, an unreadable image) is in
    `report.rejected` and does not end the run.

    Raises: InputError where there is nothing to measure, LogError for a file that cannot be read, and what
    `load_relevance` raises.
    """
    config = config or EvalConfig()
    systems = [load_system(name, seed=config.seed) for name in names]
    lines = {name: list(_limited(parse_log(file), config)) for name, file in _set_names(files).items()}
    if not any(isinstance(line, Example) for line in chain.from_iterable(lines.values())):
        wanted = "a question" if config.split is None else f"a question of split {config.split!r}"
        raise InputError(f"eval needs {wanted}, got none in {', '.join(map(str, files)) or 'no file'}")
    return compare(lines, systems, config=config, progress=progress)


def load_system(name: str, *, seed: int = 0) -> System:
    """The ψ called `name`: `oracle` gets each question's evidence, `random` the seed, others are `load_relevance`'s."""
    if name == "oracle":
        return System(name, "evidence", _oracle)
    relevance = Random(seed) if name == "random" else load_relevance(name)
    return System(name, relevance.fingerprint, lambda _: relevance)


def compare(lines: Lines, systems: Sequence[System], *, config: EvalConfig, progress: Progress | None = None) -> Report:
    """How `systems` do on the examples of `lines`; a BadLine counts as rejected, and `config.split` is not applied.

    Raises: InputError unless there are systems with different names; ModelError where a ψ gives unusable scores.
    """
    names = [system.name for system in systems]
    if not names or len(set(names)) < len(names):
        raise InputError(f"a comparison needs one or more different psi, got {names}")
    measured, rejected = _measure(lines, systems, config, progress or _silent)
    summaries = [summarise(name, rows, names, config) for name, rows in _with_pooled(measured)]
    return Report(
        version=__version__,
        split=config.split,
        limit=config.limit,
        seed=config.seed,
        resamples=config.resamples,
        max_overlap=config.choice.max_overlap,
        ks=config.ks,
        psi=tuple(_maker(system, config) for system in systems),
        results=tuple(chain.from_iterable(results for results, _ in summaries)),
        comparisons=tuple(chain.from_iterable(comparisons for _, comparisons in summaries)),
        rejected=tuple(rejected),
    )


def _oracle(example: Example) -> Relevance:
    if example.size is None:
        raise InputError(f"the oracle needs the image's size, example {example.id!r} has none")
    return Oracle(example.evidence, example.size)


def _maker(system: System, config: EvalConfig) -> Maker:
    return Maker(
        psi=system.name,
        fingerprint=system.fingerprint,
        proposer=config.propose.name,
        k=max(config.ks),
        max_overlap=config.choice.max_overlap,
        threshold=config.choice.threshold,
        max_visual_tokens=config.choice.max_visual_tokens,
        min_gain=config.choice.min_gain,
    )


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def _set_names(files: Sequence[Path]) -> dict[str, Path]:
    """Each log under its folder's name, or under its whole path where that name is not its own."""
    folders = [file.resolve().parent.name for file in files]
    uses = Counter([*folders, POOLED])
    return {folder if uses[folder] == 1 else str(file): file for folder, file in zip(folders, files, strict=True)}


def _limited(lines: Iterator[Example | BadLine], config: EvalConfig) -> Iterator[Example | BadLine]:
    """Yield the first examples of the split that is asked for, and every bad line, whose split nobody knows."""
    taken = 0
    for line in lines:
        if isinstance(line, BadLine):
            yield line
        elif config.split in (None, line.split) and taken != config.limit:
            taken += 1
            yield line


def _measure(
    lines: Lines, systems: Sequence[System], config: EvalConfig, progress: Progress
) -> tuple[dict[str, list[Measured]], list[Rejected]]:
    measured: dict[str, list[Measured]] = {}
    rejected = [
        Rejected(name, row.id, str(row.error))
        for name, rows in lines.items()
        for row in rows
        if isinstance(row, BadLine)
    ]
    groups = [(name, group) for name, rows in lines.items() for group in _by_image(rows)]
    done, total = 0, sum(len(group) for _, group in groups)
    progress(done, total)
    for name, group in groups:
        pairs = list(zip(group, measure_image(group, systems, config), strict=True))
        measured.setdefault(name, []).extend(one for _, one in pairs if isinstance(one, Measured))
        rejected.extend(Rejected(name, row.id, str(one)) for row, one in pairs if isinstance(one, InputError))
        done += len(group)
        progress(done, total)
    return measured, rejected


def _by_image(rows: Sequence[Example | BadLine]) -> list[list[Example]]:
    """The examples of each image together, images in order of appearance."""
    groups: dict[Path, list[Example]] = {}
    for row in rows:
        if isinstance(row, Example):
            groups.setdefault(row.image, []).append(row)
    return list(groups.values())


def _with_pooled(measured: Mapping[str, list[Measured]]) -> list[tuple[str, list[Measured]]]:
    sets = [(name, rows) for name, rows in measured.items() if rows]
    return sets if len(sets) < 2 else [*sets, (POOLED, [one for _, rows in sets for one in rows])]
