"""Heat in torch says of boxes what relevance/dense.py says in numpy, and passes gradients."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from semclip.geometry import Box, Size
from semclip.relevance import dense
from semclip.training.dense.heat import masses, picture_logits, place_logits
from tests.strategies import boxes

SIZE = Size(100, 100)
some_boxes = st.lists(boxes(SIZE), min_size=1, max_size=8)
grids = st.tuples(st.integers(1, 9), st.integers(1, 9))
seeds = st.integers(0, 999)


def heat(grid: tuple[int, int], seed: int) -> Tensor:
    """Of two questions."""
    return torch.randn(2, *grid, generator=torch.Generator().manual_seed(seed)) * 4


def fractions(boxes: list[Box]) -> Tensor:
    return torch.tensor([box.to_list() for box in boxes]) / 100


@given(some_boxes, grids, seeds)
def test_masses_are_those_of_numpy(boxes: list[Box], grid: tuple[int, int], seed: int) -> None:
    says = heat(grid, seed)
    expected = np.stack([dense.masses(one.numpy(), boxes, SIZE) for one in says])
    np.testing.assert_allclose(masses(says, fractions(boxes)), expected, atol=1e-3, rtol=1e-4)


@given(some_boxes, grids, seeds, st.floats(0.1, 3), st.floats(0, 1))
def test_place_logits_are_the_scores_of_numpy(
    boxes: list[Box], grid: tuple[int, int], seed: int, sharpness: float, size_weight: float
) -> None:
    says, terms = heat(grid, seed), {"sharpness": sharpness, "size_weight": size_weight}
    expected = np.stack([dense.box_scores(one.numpy(), boxes, SIZE, **terms) for one in says])
    np.testing.assert_allclose(place_logits(says, fractions(boxes), **terms), expected, atol=2e-3)


@given(grids, seeds, st.floats(-30, 30))
def test_picture_logits_are_the_log_of_a_mean_and_compare_between_pictures(
    grid: tuple[int, int], seed: int, warmer: float
) -> None:
    says = heat(grid, seed)
    expected = np.log(np.exp(says.numpy().astype(np.float64)).mean((1, 2)))
    np.testing.assert_allclose(picture_logits(says), expected, atol=1e-4)
    np.testing.assert_allclose(picture_logits(says + warmer), expected + warmer, atol=1e-3)


def test_padding_and_cold_boxes_give_finite_logits_and_gradients() -> None:
    says = torch.full((1, 4, 4), -300.0)
    says[0, 0, 0] = 300.0
    says.requires_grad_(True)
    boxes = torch.tensor([[0.0, 0, 0, 0], [0.5, 0.5, 1, 1], [0, 0, 0.25, 0.25]])
    logits = place_logits(says, boxes, sharpness=1.5, size_weight=0.15)
    (gradient,) = torch.autograd.grad(logits.sum() + picture_logits(says).sum(), says)
    assert logits.isfinite().all()
    assert gradient.isfinite().all()
    assert logits.argmax() == 2
