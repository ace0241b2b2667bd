"""Tokens of a crop: what of the dense map they hold."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from semclip.training.joint.model import JointReader, Shape, about_boxes, tokens_of

PLAIN = Shape(grid=2, reach=1.0)


def features() -> Tensor:
    return torch.rand(8, 12, 3, generator=torch.Generator().manual_seed(0))


def box(left: int, top: int, right: int, bottom: int) -> Tensor:
    """Of cells, as fractions of a map of 12 x 8."""
    return torch.tensor([[left / 12, top / 8, right / 12, bottom / 8]])


def test_a_token_is_the_mean_of_its_quarter_of_the_box() -> None:
    map_HWC = features()
    tokens = tokens_of(map_HWC, torch.zeros(8, 12), box(2, 0, 6, 4), PLAIN)[0]
    quarters = [map_HWC[y : y + 2, x : x + 2].mean((0, 1)) for y in (0, 2) for x in (2, 4)]
    torch.testing.assert_close(tokens[:, :3], torch.stack(quarters))
    torch.testing.assert_close(tokens[:, -1], torch.ones(4))


def test_the_evidence_in_the_tokens_of_a_box_is_its_share_of_the_heat() -> None:
    heat = torch.randn(8, 12, generator=torch.Generator().manual_seed(1))
    tokens = tokens_of(features(), heat, box(3, 2, 9, 8), PLAIN)[0]
    held = (5 * tokens[:, -2]).exp().sum() - 4e-4
    shares = heat.flatten().softmax(0).view(8, 12)
    torch.testing.assert_close(held, shares[2:8, 3:9].sum(), atol=1e-4, rtol=1e-3)


def test_tokens_reach_beyond_the_box_and_are_nothing_beyond_the_picture() -> None:
    tokens = tokens_of(torch.ones(8, 12, 1), torch.zeros(8, 12), box(0, 0, 4, 4), Shape(grid=4, reach=2.0))[0]
    seen = tokens[:, -1].reshape(4, 4)
    torch.testing.assert_close(seen, torch.tensor([[0.0] * 4, *([[0.0, 1.0, 1.0, 1.0]] * 3)]))
    torch.testing.assert_close(tokens[:, 0].reshape(4, 4), seen)


@given(st.permutations(range(5)))
def test_boxes_are_read_one_by_one(order: list[int]) -> None:
    torch.manual_seed(0)
    reader = JointReader(features=3, words=8, shape=Shape(dim=16))
    torch.nn.init.normal_(reader.judge.weight)
    low = torch.rand(5, 2, generator=torch.Generator().manual_seed(2)) / 2
    boxes, first = torch.cat([low, low + 0.3], dim=1), torch.linspace(-2, 1, 5)
    tokens, about = tokens_of(features(), torch.zeros(8, 12), boxes, reader.shape), about_boxes(boxes, first)
    words, absent = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(3)), torch.zeros(1, 4).bool()
    with torch.inference_mode():
        given_order = reader(tokens[None], about[None], words, absent)[0]
        other_order = reader(tokens[None, order], about[None, order], words, absent)[0]
    torch.testing.assert_close(other_order, given_order[order])


@pytest.mark.parametrize("padding", [1, 3])
def test_padding_of_the_question_is_read_by_nobody(padding: int) -> None:
    torch.manual_seed(0)
    reader = JointReader(features=3, words=8, shape=Shape(dim=16))
    torch.nn.init.normal_(reader.judge.weight)
    tokens, about = torch.randn(1, 2, 36, 6), torch.randn(1, 2, 7)
    words = torch.randn(1, 4, 8)
    padded = torch.cat([words, torch.randn(1, padding, 8)], dim=1)
    absent = torch.tensor([[False] * 4 + [True] * padding])
    with torch.inference_mode():
        torch.testing.assert_close(reader(tokens, about, words, absent[:, :4]), reader(tokens, about, padded, absent))
