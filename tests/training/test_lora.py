"""Low-rank changes: nothing at first, felt everywhere, and merged exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semclip.training.lora import LowRank, add_low_rank, merged_weights


class Small(nn.Module):
    """Attention as open_clip has it, with its fused projection, and an MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = self.attention(x, x, x, need_weights=False)[0]
        mapped: Tensor = self.mlp(attended)
        return mapped


def changed(*, seed: int = 0) -> Small:
    torch.manual_seed(0)
    model = Small().eval().requires_grad_(False)
    add_low_rank(model, rank=2, seed=seed)
    return model


def changes(model: nn.Module) -> list[LowRank]:
    return [part for part in model.modules() if isinstance(part, LowRank)]


@torch.no_grad()
def stir(model: nn.Module) -> None:
    for part in changes(model):
        part.up.normal_(generator=torch.Generator().manual_seed(1))


X = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))


def test_nothing_changes_at_first() -> None:
    model = changed()
    torch.manual_seed(0)
    torch.testing.assert_close(model(X), Small().eval()(X))


@pytest.mark.parametrize("place", range(4))
def test_every_change_is_felt(place: int) -> None:
    model = changed()
    assert len(changes(model)) == 4
    before = model(X)
    with torch.no_grad():
        changes(model)[place].up.fill_(0.5)
    assert (model(X) - before).abs().max() > 1e-3


def test_gradients_reach_the_changes_and_nothing_else() -> None:
    model = changed()
    stir(model)
    model(X).square().sum().backward()
    tuned = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert tuned == {name for name, _ in model.named_parameters() if name.endswith((".up", ".down"))}
    assert all(part.down.grad is not None and part.down.grad.any() for part in changes(model))


def test_merged_weights_give_the_same_without_the_changes() -> None:
    model = changed()
    stir(model)
    plain = Small().eval()
    plain.load_state_dict(merged_weights(model))
    torch.testing.assert_close(plain(X), model(X))


def test_merging_leaves_the_model_as_it_is() -> None:
    model = changed()
    stir(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for value in merged_weights(model).values():
        value.zero_()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_seed_gives_one_start() -> None:
    first, same, other = (changes(changed(seed=seed))[0].down for seed in (3, 3, 4))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


class Kernels(nn.Module):
    """Convolutions, one of them grouped, and one with hardly anything to read."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, 6, 1), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 4, 3, stride=2))

    def forward(self, x: Tensor) -> Tensor:
        mapped: Tensor = self.maps(x)
        return mapped


def test_a_convolution_is_a_linear_map_of_what_its_kernel_sees() -> None:
    torch.manual_seed(0)
    model = Kernels().requires_grad_(False)
    x = torch.randn(2, 1, 9, 9)
    before = model(x)
    add_low_rank(model, rank=2, seed=0)
    torch.testing.assert_close(model(x), before)
    assert [part.down.shape for part in changes(model)] == [(1, 1), (2, 54)]
    stir(model)
    plain = Kernels()
    plain.load_state_dict(merged_weights(model))
    torch.testing.assert_close(plain(x), model(x))
    assert (model(x) - before).abs().max() > 1e-3
    last = changes(model)[1]
    change = plain.get_parameter("maps.2.weight") - model.get_parameter("maps.2.parametrizations.weight.original")
    torch.testing.assert_close(change, (last.up @ last.down).view(4, 6, 3, 3))
    assert torch.equal(plain.get_parameter("maps.1.weight"), model.get_parameter("maps.1.weight"))
