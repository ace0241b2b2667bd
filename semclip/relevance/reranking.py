"""A second, costlier look at the boxes that a first ψ finds best."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from semclip.geometry import Box
from semclip.selection import top_k
from semclip.types import Floats, Scored


def reranked(
    boxes: Sequence[Box],
    first: Floats,
    read: Callable[[list[int]], Floats],
    *,
    most: int | None,
    max_overlap: float = 0.3,
) -> Floats:
    """(n,) what `read` gives for the indices of boxes that are worth trying, `most` or all; below them the others."""
    tried = worth_trying(boxes, first, most, max_overlap=max_overlap)
    return merged(first, tried, read(tried)) if tried else first


def worth_trying(boxes: Sequence[Box], first: Floats, most: int | None, *, max_overlap: float = 0.3) -> list[int]:
    """Indices of the `most` best boxes, or all, that do not repeat each other, best first; see selection.top_k."""
    places = {box: index for index, box in reversed(list(enumerate(boxes)))}
    scored = [Scored(box, float(score)) for box, score in zip(boxes, first, strict=True)]
    return [places[one.box] for one in top_k(scored, most or len(scored), max_overlap=max_overlap)]


def merged(first: Floats, tried: Sequence[int], scores: Floats) -> Floats:
    """(n,) the scores of the boxes that were tried, and below them the others, as far apart as they were at first.

    >>> merged(np.array([5.0, 4.0, 3.0]), [1], np.array([0.5]))
    array([-0.5,  0.5, -2.5])
    """
    others = np.ones(len(first), bool)
    others[list(tried)] = False
    best_other = max((score for score in first[others] if score > -np.inf), default=0.0)
    total: Floats = first - best_other + min(scores) - 1
    total[list(tried)] = scores
    return total
