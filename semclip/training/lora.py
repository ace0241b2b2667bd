"""Low-rank changes of a frozen model's weights (Hu et al., arXiv 2106.09685), by torch's own parametrizations.

Not by peft: its layer for nn.MultiheadAttention, which open_clip is made of, adds the change to the frozen weight and
takes it off again on every pass, and rounding moves the weight.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

_MARK = ".parametrizations."


class LowRank(nn.Module):
    """weight + up @ down, a kernel taken as a matrix from what it reads; `up` is 0 at first."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.flatten(1).shape
        rank = min(rank, rows, columns)
        down = torch.randn(rank, columns, generator=generator) / columns**0.5
        self.down = nn.Parameter(down.to(weight.device))
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view(weight.shape).to(weight.dtype)


def add_low_rank(model: nn.Module, *, rank: int, seed: int) -> None:
    """Nothing; every linear map of the frozen `model` then has a change of at most that rank.

    That is attention, MLPs, projections, and convolutions that are not grouped.
    """
    generator = torch.Generator().manual_seed(seed)
    for child in list(model.modules()):
        for name in _maps(child):
            weight = getattr(child, name)
            parametrize.register_parametrization(child, name, LowRank(weight, rank, generator))


def _maps(child: nn.Module) -> list[str]:
    """The names of the matrices that a layer multiplies by; `out_proj` of an attention layer is a layer of its own."""
    if isinstance(child, nn.Linear) or (isinstance(child, nn.Conv2d) and child.groups == 1):
        return ["weight"]
    if isinstance(child, nn.MultiheadAttention):
        names = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
        return [name for name in names if getattr(child, name) is not None]
    return []


def merged_weights(module: nn.Module) -> dict[str, Tensor]:
    """Every weight of `module` by the name it had before `add_low_rank`, with its change added; copies."""
    plain = {name: value.detach().clone() for name, value in module.state_dict().items() if _MARK not in name}
    for prefix, child in module.named_modules():
        if parametrize.is_parametrized(child):
            for name in child.parametrizations:
                plain[f"{prefix}.{name}"] = getattr(child, name).detach().clone()
    return plain
