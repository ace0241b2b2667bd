"""From trials to the threshold of a gate, and to what a way of deciding about crops does on them. Axis T: trials.

Knows nothing of logs, or of who said what is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semclip.evaluation.judges import Trial
from semclip.evaluation.metrics import Bools, Ints, bootstrap_means, percentile_interval
from semclip.evaluation.report import Estimate

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """One way of deciding: the rate of right answers, mean visual tokens, the share of questions shown crops."""

    right: Estimate
    visual_tokens: float | None
    shown: float


def best_threshold(trials: Sequence[Trial], *, may_lose: float = 0.0) -> float:
    """The highest threshold whose right answers are the most, or fewer by no more than `may_lose` of the trials.

    0 is always, 1 never; the others lie half-way between two peaks, where rounding cannot change what they part.
    """
    peaks_U, places_T = np.unique([trial.peak for trial in trials], return_inverse=True)
    gains_U = np.bincount(places_T, [int(trial.aided) - int(trial.alone) for trial in trials])
    # Right answers more than the overview alone has, where each peak and those above it open; the last opens none.
    gained = np.append(gains_U[::-1].cumsum()[::-1], 0)
    thresholds = np.array([0, *(peaks_U[1:] + peaks_U[:-1]) / 2, 1])
    return float(thresholds[gained >= gained.max() - may_lose * len(trials)].max())


def held_out(trials: Sequence[Trial], images_T: Ints, *, may_lose: float = 0.0) -> Bools:
    """(n,) whether each trial gets crops by the threshold that is best for the folds without its image."""
    folds_T = images_T % FOLDS
    opened_T = np.zeros(len(trials), np.bool_)
    for fold in np.unique(folds_T):
        others = [trial for trial, own in zip(trials, folds_T, strict=True) if own != fold]
        threshold = best_threshold(others, may_lose=may_lose)
        opened_T |= (folds_T == fold) & np.array([trial.peak >= threshold for trial in trials])
    return opened_T


def figures_of(trials: Sequence[Trial], images_T: Ints, opened_T: Bools) -> Figures:
    """What comes of showing crops where `opened_T` says so."""
    pairs = list(zip(trials, opened_T, strict=True))
    right_T = np.array([trial.aided if opened else trial.alone for trial, opened in pairs], np.float64)
    tokens = [trial.tokens_aided if opened else trial.tokens_alone for trial, opened in pairs]
    counted = [count for count in tokens if count is not None]
    low, high = percentile_interval(bootstrap_means(right_T[:, None], images_T, seed=0)).ravel()
    return Figures(
        right=Estimate(float(right_T.mean()), float(low), float(high)),
        visual_tokens=sum(counted) / len(counted) if len(counted) == len(tokens) else None,
        shown=float(opened_T.mean()),
    )


def numbered(trials: Sequence[Trial]) -> Ints:
    """(n,) the same number, from 0, for the same image."""
    return np.unique([str(trial.image) for trial in trials], return_inverse=True)[1].astype(np.int64)
