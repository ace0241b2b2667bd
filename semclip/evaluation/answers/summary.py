"""From records to rates, intervals and paired differences of one set.

Axes: U units, S strategies, R resamples, E ends of an interval. A unit is a question, or a group of questions that
counts as one. Images are what is drawn anew: questions on one image are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semclip.evaluation.answers.findings import Paired, Record, StrategyResult
from semclip.evaluation.answers.significance import p_value
from semclip.evaluation.answers.strategies import Kind, parse
from semclip.evaluation.datasets.items import GroupRule
from semclip.evaluation.metrics import Ints, bootstrap_means, headroom_share, percentile_interval
from semclip.evaluation.report import Estimate
from semclip.types import Floats

_KNOWING = ("oracle", "best")

Row = tuple[Record, ...]
"""One question: a record for each strategy, in the order of the strategies."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What counts once: its image (of a group, that of its first question) and a score for each strategy."""

    image: str
    category: str
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Table:
    """One set: its questions, and the units that they make."""

    name: str
    strategies: tuple[str, ...]
    rows: Sequence[Row]
    units: Sequence[Unit]
    seed: int = 0
    resamples: int = 2000

    @cached_property
    def scores_US(self) -> Floats:
        return np.array([unit.scores for unit in self.units], np.float64)

    @cached_property
    def images_U(self) -> Ints:
        return _numbered([unit.image for unit in self.units])

    @cached_property
    def means_RS(self) -> Floats:
        return bootstrap_means(self.scores_US, self.images_U, seed=self.seed, resamples=self.resamples)

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(parse(name).kind for name in self.strategies)


def units(rows: Sequence[Row], rule: GroupRule) -> list[Unit]:
    """The units of a set, in order of appearance: a group scores the mean of its questions, by rule `all` the least."""
    groups: dict[str, list[Row]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(f"group {row[0].group}" if row[0].group else f"question {number}", []).append(row)
    return [_unit(group, rule) for group in groups.values()]


def summarise(table: Table) -> tuple[list[StrategyResult], list[Paired]]:
    """One result for each strategy, and each but the first paired with the first."""
    results = [_result(table, index) for index in range(len(table.strategies))]
    return results, [_paired(table, index) for index in range(1, len(table.strategies))]


def _unit(group: Sequence[Row], rule: GroupRule) -> Unit:
    scores_QS = np.array([[one.score for one in row] for row in group])
    scores_S = scores_QS.min(axis=0) if rule == "all" else scores_QS.mean(axis=0)
    return Unit(group[0][0].image, group[0][0].category, tuple(scores_S.tolist()))


def _numbered(images: Sequence[str]) -> Ints:
    """(n,) the same number, from 0 and in order of appearance, for the same image."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(image, len(numbers)) for image in images], np.int64)


def _result(table: Table, index: int) -> StrategyResult:
    records = [row[index] for row in table.rows]
    tokens = [one.visual_tokens for one in records if one.visual_tokens is not None]
    return StrategyResult(
        set=table.name,
        strategy=table.strategies[index],
        questions=len(table.units),
        images=len({one.image for one in records}),
        accuracy=_estimate(table.scores_US[:, index], table.means_RS[:, index]),
        visual_tokens=float(np.mean(tokens)) if len(tokens) == len(records) else None,
        seconds=float(np.mean([one.seconds for one in records])),
        vlm_passes=float(np.mean([one.vlm_passes for one in records])),
        headroom=_headroom(table, index),
        categories=_categories(table, index),
        blind=_blind(table, index),
        hit=_hit(records),
        missed=_missed(table, index),
    )


def _headroom(table: Table, index: int) -> float:
    accuracy_S = table.scores_US.mean(axis=0)
    knowing = [accuracy_S[at] for at, kind in enumerate(table.kinds) if kind in _KNOWING]
    if "overview" not in table.kinds or not knowing:
        return math.nan
    overview = accuracy_S[table.kinds.index("overview")]
    return headroom_share(float(accuracy_S[index]), float(overview), float(max(knowing)))


def _blind(table: Table, index: int) -> float:
    """Of what the strategy got right, the share that is right without the picture too."""
    if "blind" not in table.kinds:
        return math.nan
    own_U, blind_U = table.scores_US[:, index], table.scores_US[:, table.kinds.index("blind")]
    return float(np.minimum(own_U, blind_U).sum() / own_U.sum()) if own_U.any() else math.nan


def _hit(records: Sequence[Record]) -> float:
    hits = [one.hit for one in records if one.hit is not None]
    return float(np.mean(hits)) if hits and any(one.boxes for one in records) else math.nan


def _missed(table: Table, index: int) -> Estimate | None:
    """What was won over the first strategy by showing crops of something else; questions count one by one."""
    rows = [row for row in table.rows if row[index].boxes and row[index].hit is False]
    if not rows or index == 0:
        return None
    won_Q = np.array([row[index].score - row[0].score for row in rows], np.float64)
    return _estimate(won_Q, _resampled(won_Q, [row[0].image for row in rows], table))


def _categories(table: Table, index: int) -> dict[str, Estimate]:
    names = sorted({unit.category for unit in table.units if unit.category})
    return {name: _in_category(table, index, name) for name in names}


def _in_category(table: Table, index: int, category: str) -> Estimate:
    inside = [at for at, unit in enumerate(table.units) if unit.category == category]
    values_U = table.scores_US[inside, index]
    return _estimate(values_U, _resampled(values_U, [table.units[at].image for at in inside], table))


def _resampled(values_U: Floats, images: Sequence[str], table: Table) -> Floats:
    """(R,) means of some values over redrawn images."""
    means_R1 = bootstrap_means(values_U[:, None], _numbered(images), seed=table.seed, resamples=table.resamples)
    return means_R1[:, 0]


def _paired(table: Table, index: int) -> Paired:
    won_U = table.scores_US[:, index] - table.scores_US[:, 0]
    return Paired(
        set=table.name,
        strategy=table.strategies[index],
        other=table.strategies[0],
        difference=_estimate(won_U, table.means_RS[:, index] - table.means_RS[:, 0]),
        wins=int((won_U > 0).sum()),
        losses=int((won_U < 0).sum()),
        p_value=p_value(np.bincount(table.images_U, weights=won_U).astype(np.float64), seed=table.seed),
    )


def _estimate(values_U: Floats, means_R: Floats) -> Estimate:
    low, high = percentile_interval(means_R).tolist()
    return Estimate(float(values_U.mean()), low, high)
