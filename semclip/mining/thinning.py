"""Which boxes are worth a pass of the reader: those that the current ψ likes, and a look at the rest of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from semclip.errors import InputError
from semclip.evaluation.metrics import HIT_PARTS
from semclip.geometry import Box, Size
from semclip.selection import top_k
from semclip.types import Floats, Scored

_MAX_OVERLAP = 0.5
_PROBES = ((1 / 12, 1 / 12), (1 / 4, 1 / 24), (1 / 2, 1 / 24), (1 / 24, 1 / 4))
"""What evidence may look like, as shares of the picture's sides: a thing, a word, a line of text, something upright."""
_SLACK = 0.01
"""How much of a side a box may lack of a probe: the two are rounded differently."""

_WEIGHT = 1_000_000
"""Of all probes of a kind; float32 sums whole numbers exactly up to 16 million."""


def thin(scores: Floats, boxes: Sequence[Box], *, size: Size, budget: int, explore: float = 0.5) -> tuple[int, ...]:
    """Indices of min(budget, n) different `boxes` of a picture of `size`, to be tried in this order.

    First the best by `scores` (n,) that do not repeat each other. Then a share `explore` of the budget looks at the
    rest of the picture, with boxes of at most a quarter of it: each is the one that shows most of what may be evidence
    and that no such box before it showed whole, ties in the order given. What is left of the budget goes to the best
    of the rest.
    """
    if budget < 1 or not 0 <= explore <= 1:
        raise InputError(f"thinning needs a budget >= 1 and a share from 0 to 1, got {budget} and {explore}")
    budget = min(budget, len(boxes))
    ranked = [int(index) for index in np.argsort(-scores, kind="stable")]
    chosen = _best(scores, boxes, ranked, budget - round(explore * budget))
    chosen += _spread(boxes, chosen, budget - len(chosen), size)
    rest = [index for index in ranked if index not in chosen]
    return tuple(chosen + rest[: budget - len(chosen)])


def _best(scores: Floats, boxes: Sequence[Box], ranked: Sequence[int], many: int) -> list[int]:
    place = {boxes[index]: index for index in reversed(ranked)}
    scored = [Scored(box, float(score)) for box, score in zip(boxes, scores, strict=True)]
    return [place[one.box] for one in top_k(scored, many, max_overlap=_MAX_OVERLAP)]


def _spread(boxes: Sequence[Box], chosen: Sequence[int], many: int, size: Size) -> list[int]:
    """Up to `many` boxes, in turn the one that shows most of what those before it did not."""
    holds_NP, unseen_P = _held(boxes, size)
    for index in chosen:
        unseen_P[holds_NP[index] > 0] = 0
    spread: list[int] = []
    while len(spread) < many:
        gains_N = holds_NP @ unseen_P
        best = int(np.argmax(gains_N))
        if gains_N[best] == 0:
            break
        unseen_P[holds_NP[best] > 0] = 0
        spread.append(best)
    return spread


def _held(boxes: Sequence[Box], size: Size) -> tuple[Floats, Floats]:
    """(n, p) 1 where a box holds a probe whole, 0 elsewhere and for boxes too large to be a hit; (p,) probes' weights.

    The probes of a kind lie at steps of half a probe all over the picture, and weigh the same together as those of
    another. Weights are whole numbers, whose sums are exact: boxes that show as much are ties on every machine.
    """
    kinds = [_slide(*kind) for kind in _PROBES]
    left, top, right, bottom = np.array([box.to_list() for box in boxes], np.float32).T[..., None]
    probe_left, probe_top, probe_right, probe_bottom = np.concatenate(kinds).T
    held = left <= (probe_left + _SLACK) * size.width
    held &= top <= (probe_top + _SLACK) * size.height
    held &= right >= (probe_right - _SLACK) * size.width
    held &= bottom >= (probe_bottom - _SLACK) * size.height
    held &= np.array([[HIT_PARTS**2 * box.area <= size.area] for box in boxes])
    weights = [np.full(len(kind), _WEIGHT // len(kind), np.float32) for kind in kinds]
    return held.astype(np.float32), np.concatenate(weights)


def _slide(width: float, height: float) -> Floats:
    """(p, 4) left, top, right and bottom of all probes of one kind, as shares of the picture's sides."""
    xs, ys = (np.arange(0, 1 - side + 1e-9, side / 2) for side in (width, height))
    return np.array([(x, y, x + width, y + height) for y, x in product(ys, xs)], np.float32)
