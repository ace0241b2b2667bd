"""The measures of a selector, as free functions on boxes, ranks and 0/1 outcomes.

Knows no model, log or picture. Questions on one image share its content, so they are not independent: every interval
and p-value here treats the image, not the question, as the unit that was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semclip.geometry import Box, Size
from semclip.types import Floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

HIT_PARTS = 2
"""A hit is no larger than a tile of 2x2: a quarter of the image."""
TIGHT_PARTS = 4
"""A tight hit is no larger than a tile of 4x4: a sixteenth of the image."""

_CELLS_PER_CHUNK = 2_000_000


def hit_mask(boxes: Sequence[Box], evidence: Sequence[Box], size: Size, *, parts: int = HIT_PARTS) -> Bools:
    """(n,) whether each box covers >= 90 % of some evidence box and is no larger than a tile of `parts` x `parts`.

    In whole numbers: a box of exactly a quarter, or one that covers exactly 90 %, counts on every machine.

    >>> hit_mask([Box(0, 0, 50, 50), Box(0, 0, 51, 50), Box(50, 50, 99, 99)], [Box(10, 10, 20, 20)], Size(100, 100))
    array([ True, False, False])
    """
    return covering_mask(boxes, evidence) & (parts**2 * _areas(_edges(boxes)) <= size.area)


def covering_mask(boxes: Sequence[Box], evidence: Sequence[Box]) -> Bools:
    """(n,) whether each box, of whatever size, covers >= 90 % of some evidence box.

    >>> covering_mask([Box(0, 0, 9, 10), Box(0, 0, 8, 10)], [Box(0, 0, 10, 10)])
    array([ True, False])
    """
    target_E4 = _edges(evidence)
    covering_N: Bools = np.any(10 * _shared(_edges(boxes), target_E4) >= 9 * _areas(target_E4), axis=1)
    return covering_N


def best_coverage(boxes: Sequence[Box], evidence: Sequence[Box]) -> Floats:
    """(n,) the largest share of an evidence box that each box covers, 0 to 1.

    >>> best_coverage([Box(0, 0, 9, 5), Box(0, 0, 1, 1)], [Box(0, 0, 9, 10), Box(2, 2, 3, 3)])
    array([1.        , 0.01111111])
    """
    target_E4 = _edges(evidence)
    best_N: Floats = np.max(_shared(_edges(boxes), target_E4) / _areas(target_E4), axis=1)
    return best_N


def first_rank(hits: Bools) -> float:
    """The place, from 1, of the first True in an ordering; inf where there is none.

    >>> first_rank(np.array([False, False, True, True])), first_rank(np.array([False]))
    (3.0, inf)
    """
    return float(np.argmax(hits) + 1) if hits.any() else math.inf


def random_hit_rate(candidates: int, hitting: int, k: int) -> float:
    """The chance that k candidates drawn uniformly without replacement hold a hitting one: 1 - C(n-m, k) / C(n, k).

    Exact, so the ruler that other selectors are held against has no noise of its own.

    >>> random_hit_rate(4, 1, 2), random_hit_rate(4, 1, 9), random_hit_rate(4, 0, 2)
    (0.5, 1.0, 0.0)
    """
    drawn = min(k, candidates)
    return 1 - math.comb(candidates - hitting, drawn) / math.comb(candidates, drawn)


def headroom_share(rate: float, random: float, oracle: float) -> float:
    """(rate - random) / (oracle - random): 0 is chance, 1 the oracle, below 0 worse than chance; nan without headroom.

    >>> headroom_share(0.5, 0.25, 0.75), headroom_share(0.5, 0.5, 0.5)
    (0.5, nan)
    """
    return (rate - random) / (oracle - random) if oracle > random else math.nan


def bootstrap_means(values: Floats, groups: Ints, *, seed: int, resamples: int = 2000) -> Floats:
    """(resamples, c) means of the columns of `values` (q, c) over redrawn groups; `groups` (q,) holds 0 .. m-1.

    Whole groups (images) are drawn with replacement, their questions together. All columns share the draws, so the
    difference of two columns of the result is the paired bootstrap of their difference. (Efron and Tibshirani 1993.)

    >>> bootstrap_means(np.array([[1.0], [1.0]]), np.array([0, 1]), seed=0, resamples=3).ravel()
    array([1., 1., 1.])
    """
    sums_GC = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums_GC, groups, values)
    counts_G = np.bincount(groups)
    rows = max(1, _CELLS_PER_CHUNK // len(counts_G))
    rng = np.random.default_rng(seed)
    chunks = [_redraw(rng, len(counts_G), min(rows, resamples - start)) for start in range(0, resamples, rows)]
    return np.concatenate([(drawn_RG @ sums_GC) / (drawn_RG @ counts_G)[:, None] for drawn_RG in chunks])


def percentile_interval(means: Floats, *, level: float = 0.95) -> Floats:
    """(2, ...) the ends between which the middle `level` of the resampled means lies, along the first axis.

    Has no width where every outcome is the same: a rate of 0 or 1 on few images is less sure than it looks.

    >>> percentile_interval(np.arange(101.0), level=0.9)
    array([ 5., 95.])
    """
    tail = (1 - level) / 2
    ends: Floats = np.quantile(means, [tail, 1 - tail], axis=0)
    return ends


def sign_flip_p_value(differences: Ints) -> float:
    """Two-sided p of "both selectors are equally good", from per-image differences of hits (m,), whole numbers.

    The exact randomisation test: were the two exchangeable, each image's difference could as well have the other sign,
    and p is the share of all sign patterns whose sum is at least as far from 0. With one question an image this is
    the exact McNemar test; with more, McNemar would take one image's questions for independent evidence, and this does
    not. The law of the sum comes from its characteristic function, a product of cosines, in one FFT.

    >>> sign_flip_p_value(np.array([1, 1, 1, 1, 0]))  # McNemar, 4 against 0: 2 / 2**4
    0.125
    >>> sign_flip_p_value(np.array([4]))  # the same four questions on one image prove nothing
    1.0
    """
    steps, repeats = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    observed, reach = abs(int(differences.sum())), int(steps @ repeats)
    if observed == 0:
        return 1.0
    angles = 2 * np.pi * np.arange(2 * reach + 1) / (2 * reach + 1)
    law = np.fft.ifft(np.prod(np.cos(np.outer(steps, angles)) ** repeats[:, None], axis=0)).real
    # Rounding leaves about 1e-16 a term; the two patterns with all signs alike are the smallest p there can be.
    smallest = 2.0 ** (1 - int(repeats.sum()))
    return float(np.clip(round(2 * law[observed : reach + 1].sum(), 14), smallest, 1.0))


def _redraw(rng: np.random.Generator, groups: int, rows: int) -> Ints:
    """(rows, groups) how often each group came in `rows` draws of as many groups, with replacement."""
    drawn = rng.integers(groups, size=(rows, groups)) + groups * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups)


def _edges(boxes: Sequence[Box]) -> Ints:
    """(n, 4) left, top, right, bottom."""
    return np.array([box.to_list() for box in boxes], dtype=np.int64).reshape(-1, 4)


def _shared(box_N4: Ints, target_E4: Ints) -> Ints:
    """(n, e) the pixels that box and target both hold."""
    low_NE2 = np.maximum(box_N4[:, None, :2], target_E4[None, :, :2])
    high_NE2 = np.minimum(box_N4[:, None, 2:], target_E4[None, :, 2:])
    shared_NE: Ints = np.prod(np.maximum(high_NE2 - low_NE2, 0), axis=-1)
    return shared_NE


def _areas(edges: Ints) -> Ints:
    areas: Ints = np.prod(edges[:, 2:] - edges[:, :2], axis=-1)
    return areas
