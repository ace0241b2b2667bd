"""p of "both strategies are equally good" where scores may be fractions."""

from __future__ import annotations

import numpy as np

from semclip.evaluation.metrics import sign_flip_p_value
from semclip.types import Floats

DRAWS = 10_000
_ROUNDING = 1e-9
_CELLS_PER_CHUNK = 2_000_000


def p_value(differences: Floats, *, seed: int = 0, draws: int = DRAWS) -> float:
    """Two-sided, from per-image sums of score differences (m,): exact where all are whole numbers, else by draws.

    The randomisation test of metrics.sign_flip_p_value. Drawn, it is the share of `draws` random sign patterns whose
    sum is at least as far from 0, the observed pattern counted among them (Phipson and Smyth 2010,
    doi:10.2202/1544-6115.1585), and never 0.

    >>> p_value(np.array([1.0, 1.0, 1.0, 1.0, 0.0])), p_value(np.array([0.5, 0.0, -0.5]))
    (0.125, 1.0)
    """
    whole = np.rint(differences)
    if np.allclose(whole, differences, rtol=0, atol=_ROUNDING):
        return sign_flip_p_value(whole.astype(np.int64))
    moved = differences[np.abs(differences) > _ROUNDING]
    observed = abs(float(moved.sum())) - _ROUNDING
    rng, beyond, rows = np.random.default_rng(seed), 0, max(1, _CELLS_PER_CHUNK // len(moved))
    for start in range(0, draws, rows):
        signs = 1 - 2 * rng.integers(0, 2, (min(rows, draws - start), len(moved)))
        beyond += int((np.abs(signs @ moved) >= observed).sum())
    return (1 + beyond) / (1 + draws)
