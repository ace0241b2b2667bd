"""From single outcomes to rates, intervals and paired comparisons of one set.

Axes: Q questions, S selectors (ψ), M measures (hit, tight), K the asked-for k, R resamples, E ends of an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semclip.evaluation.measurement import EvalConfig, Measured
from semclip.evaluation.metrics import (
    Ints,
    bootstrap_means,
    headroom_share,
    percentile_interval,
    sign_flip_p_value,
)
from semclip.evaluation.report import Comparison, Estimate, Result
from semclip.types import Floats


@dataclass(frozen=True, slots=True)
class _Table:
    """The outcomes of one set as arrays. `images_Q` numbers the images from 0; `means_RSMK` are bootstrap means."""

    name: str
    questions: Sequence[Measured]
    images_Q: Ints
    hits_QSMK: Floats
    means_RSMK: Floats
    ks: tuple[int, ...]


def summarise(
    name: str, measured: Sequence[Measured], names: Sequence[str], config: EvalConfig
) -> tuple[list[Result], list[Comparison]]:
    """One Result for each ψ of `names`, and the first of them compared with each other one at each k."""
    table = _tabulate(name, measured, config)
    results = [_result(table, index, psi) for index, psi in enumerate(names)]
    pairs = [_comparison(table, other, at, names) for other in range(1, len(names)) for at in range(len(config.ks))]
    return results, pairs


def _tabulate(name: str, measured: Sequence[Measured], config: EvalConfig) -> _Table:
    ranks_QSM = np.array([[(one.hit, one.tight) for one in question.outcomes] for question in measured])
    hits_QSMK = (ranks_QSM[..., None] <= np.array(config.ks)).astype(np.float64)
    images_Q = _numbered([question.image for question in measured])
    columns = hits_QSMK.reshape(len(measured), -1)
    means = bootstrap_means(columns, images_Q, seed=config.seed, resamples=config.resamples)
    return _Table(name, measured, images_Q, hits_QSMK, means.reshape(-1, *hits_QSMK.shape[1:]), config.ks)


def _numbered(paths: Sequence[Path]) -> Ints:
    """(n,) the same number, from 0 and in order of appearance, for the same path."""
    numbers: dict[Path, int] = {}
    return np.array([numbers.setdefault(path, len(numbers)) for path in paths], np.int64)


def _result(table: _Table, index: int, psi: str) -> Result:
    outcomes = [question.outcomes[index] for question in table.questions]
    rates_MK = table.hits_QSMK[:, index].mean(axis=0)
    ends_EMK = percentile_interval(table.means_RSMK[:, index])
    hit, tight = (_estimates(table.ks, rates_MK[m], ends_EMK[:, m]) for m in range(2))
    images = int(table.images_Q.max()) + 1
    return Result(
        set=table.name,
        psi=psi,
        images=images,
        questions=len(outcomes),
        hit=hit,
        tight=tight,
        headroom=_headroom(table, rates_MK[0]),
        visual_tokens=_by_k(table.ks, np.mean([one.visual_tokens for one in outcomes], axis=0)),
        median_rank=float(np.median([one.rank for one in outcomes])),
        embed_s=sum(one.embed_s for one in outcomes) / images,
        score_s=sum(one.score_s for one in outcomes) / len(outcomes),
    )


def _headroom(table: _Table, rates_K: Floats) -> dict[int, float]:
    random_K = np.mean([question.random for question in table.questions], axis=0)
    oracle = float(np.mean([question.oracle for question in table.questions]))
    shares = [
        headroom_share(float(rate), float(random), oracle) for rate, random in zip(rates_K, random_K, strict=True)
    ]
    return dict(zip(table.ks, shares, strict=True))


def _comparison(table: _Table, other: int, at: int, names: Sequence[str]) -> Comparison:
    won_Q = table.hits_QSMK[:, 0, 0, at] - table.hits_QSMK[:, other, 0, at]
    per_image = np.rint(np.bincount(table.images_Q, weights=won_Q)).astype(np.int64)
    ends_E = percentile_interval(table.means_RSMK[:, 0, 0, at] - table.means_RSMK[:, other, 0, at])
    return Comparison(
        set=table.name,
        psi=names[0],
        other=names[other],
        k=table.ks[at],
        difference=Estimate(float(won_Q.mean()), float(ends_E[0]), float(ends_E[1])),
        wins=int((won_Q > 0).sum()),
        losses=int((won_Q < 0).sum()),
        p_value=sign_flip_p_value(per_image),
    )


def _estimates(ks: Sequence[int], rates_K: Floats, ends_EK: Floats) -> dict[int, Estimate]:
    rows = zip(ks, rates_K, *ends_EK, strict=True)
    return {k: Estimate(float(rate), float(low), float(high)) for k, rate, low, high in rows}


def _by_k(ks: Sequence[int], values_K: Floats) -> dict[int, float]:
    return {k: float(value) for k, value in zip(ks, values_K, strict=True)}
