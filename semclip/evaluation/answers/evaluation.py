"""From benchmarks, strategies and a model to findings: asks, scores, sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semclip import __version__
from semclip.errors import InputError
from semclip.evaluation.answers.asking import Asker, Progress, ask_all
from semclip.evaluation.answers.findings import Findings
from semclip.evaluation.answers.flips import find_flips
from semclip.evaluation.answers.protocol import AnswerConfig, describe, digest, identity
from semclip.evaluation.answers.replies import require_likelihoods
from semclip.evaluation.answers.scoring import Asked, record
from semclip.evaluation.answers.store import Store
from semclip.evaluation.answers.strategies import Spec, Strategy, bind
from semclip.evaluation.answers.summary import Row, Table, Unit, summarise, units
from semclip.evaluation.datasets.items import Dataset
from semclip.evaluation.report import POOLED
from semclip.protocols import Relevance
from semclip.vlm import VLM

ANSWERS = "answers.jsonl"
"""The file, in the folder of a run, that keeps every reply."""

Answered = Mapping[str, Sequence[tuple[Asked, Row]]]
"""The questions of each set with their records."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A model and the strategies that are set against each other; `psis` are those that `load_psis` loaded."""

    vlm: VLM
    specs: tuple[Spec, ...]
    psis: Mapping[str, str | Relevance]


def evaluate(
    sets: Sequence[Dataset],
    contest: Contest,
    out: Path,
    *,
    config: AnswerConfig | None = None,
    progress: Progress | None = None,
) -> Findings:
    """How often the model is right under each strategy; every reply is kept in the folder `out` and never asked twice.

    A question that cannot be asked or scored under one strategy counts under none, is in `rejected` and does not end
    the run.
    Raises: InputError where no question can be asked, and where likelihoods are asked of a server; ModelError and
    ServerError where every question would fail alike.
    """
    config = config or AnswerConfig()
    if config.options == "likelihood":
        require_likelihoods(contest.vlm)
    sets = _named_apart(sets)
    strategies = [bind(spec, contest.vlm, config, contest.psis) for spec in contest.specs]
    model = identity(contest.vlm)
    with Store(out / ANSWERS) as store:
        asker = Asker(strategies, store, model, config)
        asked, rejected = ask_all(sets, asker, progress=progress or _silent)
        answered = {name: [(row, _row(row, asker)) for row in rows] for name, rows in asked.items()}
    if not any(answered.values()):
        reason = f"; the first: {rejected[0].id}: {rejected[0].reason}" if rejected else ""
        raise InputError(
            f"an evaluation needs a question that can be asked, got none, {len(rejected)} rejected{reason}"
        )
    findings = _found(sets, answered, strategies, config)
    protocol = _protocol(sets, strategies, model, config)
    flips = find_flips(sets, answered, strategies, config)
    return replace(findings, protocol=protocol, fingerprint=digest(protocol), rejected=tuple(rejected), flips=flips)


def _row(asked: Asked, asker: Asker) -> Row:
    return tuple(
        record(asked, strategy.name, asker.store[key], asker.config)
        for strategy, key in zip(asker.strategies, asked.keys, strict=True)
    )


def _found(
    sets: Sequence[Dataset], answered: Answered, strategies: Sequence[Strategy], config: AnswerConfig
) -> Findings:
    names = tuple(one.name for one in strategies)
    results, pairs = [], []
    for name, rows, made in _with_pooled(sets, answered):
        more = summarise(Table(name, names, rows, made, config.seed, config.resamples))
        results += more[0]
        pairs += more[1]
    return Findings(__version__, "", {}, names, tuple(results), tuple(pairs), ())


def _with_pooled(sets: Sequence[Dataset], answered: Answered) -> list[tuple[str, list[Row], list[Unit]]]:
    """The rows and units of each set that has any, and of all together where they are several."""
    each = []
    for dataset in sets:
        rows = [row for _, row in answered[dataset.name]]
        if rows:
            each.append((dataset.name, rows, units(rows, dataset.group_rule)))
    if len(each) < 2:
        return each
    return [*each, (POOLED, [row for _, rows, _ in each for row in rows], [unit for *_, made in each for unit in made])]


def _protocol(
    sets: Sequence[Dataset], strategies: Sequence[Strategy], model: Mapping[str, str], config: AnswerConfig
) -> dict[str, Any]:
    told = [
        {"name": one.name, "format": one.format, "digest": one.digest, "groups": one.group_rule}
        | {"matcher": config.matcher or one.matcher}
        for one in sets
    ]
    shown = {one.name: _told(one) for one in strategies}
    return describe(config, model=model, sets=told, strategies=shown)


def _told(strategy: Strategy) -> dict[str, Any]:
    """What the protocol says of a strategy."""
    clip, spec, vlm = strategy.vlm.semclip, strategy.spec, strategy.vlm
    told: dict[str, Any] = {"fingerprint": strategy.fingerprint}
    if spec.kind in ("psi", "random", "oracle"):
        told |= {"k": strategy.k, "proposer": clip.propose.name}
    if spec.kind in ("psi", "random"):
        told |= {"psi": clip.relevance.name, "psi_fingerprint": clip.relevance.fingerprint}
    if spec.kind not in ("overview", "native", "blind"):
        told |= {"fusion": vlm.showing.fusion}
    return told


def _named_apart(sets: Sequence[Dataset]) -> list[Dataset]:
    """The sets, those of one name numbered."""
    uses = Counter([POOLED, *(one.name for one in sets)])
    return [
        one if uses[one.name] == 1 else replace(one, name=f"{one.name} {number}") for number, one in enumerate(sets, 1)
    ]


def _silent(done: int, total: int) -> None:
    """Report nothing."""
