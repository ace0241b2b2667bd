"""Heat in torch says of boxes what relevance/dense.py says in numpy, and passes gradients."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from semclip.geometry import Box, Size
from semclip.relevance import dense
from semclip.training.dense.heat import picture_logits, place_logits
from tests.strategies import boxes

SIZE = Size(100, 100)
some_boxes = st.lists(boxes(SIZE), min_size=1, max_size=8)
grids = st.tuples(st.integers(1, 9), st.integers(1, 9))
seeds = st.integers(0, 999)


def answers(grid: tuple[int, int], seed: int) -> Tensor:
    """Of two questions."""
    return torch.randn(2, 5, *grid, generator=torch.Generator().manual_seed(seed)) * 2


def fractions(boxes: list[Box]) -> Tensor:
    return torch.tensor([box.to_list() for box in boxes]) / 100


@given(some_boxes, grids, seeds, st.floats(0.1, 3), st.floats(0, 1))
def test_place_logits_are_the_scores_of_numpy(
    boxes: list[Box], grid: tuple[int, int], seed: int, sharpness: float, size_weight: float
) -> None:
    says, terms = answers(grid, seed), {"sharpness": sharpness, "size_weight": size_weight}
    seen = says.permute(0, 2, 3, 1).numpy()
    expected = np.stack([dense.weigh(one, boxes, SIZE, **terms).scores for one in seen])
    expected = expected - expected[:, :1]
    found = place_logits(says, fractions(boxes), **terms)
    np.testing.assert_allclose(found - found[:, :1], expected, atol=2e-3)


@given(grids, seeds, st.floats(-30, 30))
def test_picture_logits_are_the_log_of_a_mean_and_compare_between_pictures(
    grid: tuple[int, int], seed: int, warmer: float
) -> None:
    says = answers(grid, seed)[:, 0]
    expected = np.log(np.exp(says.numpy().astype(np.float64)).mean((1, 2)))
    np.testing.assert_allclose(picture_logits(says), expected, atol=1e-4)
    np.testing.assert_allclose(picture_logits(says + warmer), expected + warmer, atol=1e-3)


def test_padding_and_cold_boxes_give_finite_logits_and_gradients() -> None:
    says = torch.full((1, 5, 4, 4), -300.0)
    says[0, :, 0, 0] = 300.0
    says.requires_grad_(True)
    boxes = torch.tensor([[0.0, 0, 0, 0], [0.5, 0.5, 1, 1], [0, 0, 1, 1]])
    logits = place_logits(says, boxes, sharpness=1.5, size_weight=0.15)
    (gradient,) = torch.autograd.grad(logits.sum() + picture_logits(says[:, 0]).sum(), says)
    assert logits.isfinite().all()
    assert gradient.isfinite().all()
    assert logits.argmax() == 2
