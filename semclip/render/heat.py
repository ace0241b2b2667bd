"""Where the relevance lies: scores of overlapping boxes turned into one map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semclip.geometry import Box, Size
from semclip.types import Floats, Scored


def heat_map(considered: Sequence[Scored], size: Size, shape: Size) -> Floats:
    """The mean score of the boxes over each cell, stretched to 0..1: (shape.height, shape.width), float64.

    The cells of `shape` span an image of `size`; a box counts in full for every cell it touches. Scores that are not
    finite are ignored. Cells that no box touches are 0, and so is everything where all cells have the same mean.

    >>> left, right = Scored(Box(0, 0, 50, 10), 1.0), Scored(Box(50, 0, 100, 10), 3.0)
    >>> both = Scored(Box(0, 0, 100, 10), 2.0)
    >>> heat_map([left, right, both], Size(100, 10), Size(4, 1)).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    finite = [scored for scored in considered if np.isfinite(scored.score)]
    cells = [_cells(scored.box, size, shape) for scored in finite]
    count = _stacked(cells, np.ones(len(cells)), shape)
    total = _stacked(cells, np.array([scored.score for scored in finite], dtype=np.float64), shape)
    return _stretched(total / np.maximum(count, 1.0), count > 0)


def _cells(box: Box, size: Size, shape: Size) -> Box:
    """The cells that `box` touches, as a box in cells."""
    return Box(
        box.left * shape.width // size.width,
        box.top * shape.height // size.height,
        -(-box.right * shape.width // size.width),
        -(-box.bottom * shape.height // size.height),
    )


def _stacked(cells: Sequence[Box], weights: Floats, shape: Size) -> Floats:
    """The sum of the weights of the boxes over each cell."""
    # A box is four corner marks in the second difference, so the cost does not grow with its area.
    corners = np.zeros((shape.height + 1, shape.width + 1))
    for box, weight in zip(cells, weights, strict=True):
        corners[box.top, box.left] += weight
        corners[box.bottom, box.right] += weight
        corners[box.top, box.right] -= weight
        corners[box.bottom, box.left] -= weight
    sums: Floats = corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return sums


def _stretched(values: Floats, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """`values` with the known ones moved onto 0..1 and the others 0."""
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 0.0)
    # Below this the differences are rounding of the running sums, not relevance.
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        return np.zeros_like(values)
    return np.where(known, np.clip((values - low) / (high - low), 0.0, 1.0), 0.0)
