"""Ensemble decoding: one next-token distribution out of several prompts, at every step of one generation.

After "Ensemble Decoding" (ED): each sub-image has a prompt of its own, all prompts are one batch, and every step mixes
their distributions, so that all rows of a group write the same token. Knows logits and weights, no pictures. Works
inside transformers' own generation as a logits processor.

The order: the model's own processors (repetition penalty, forbidden words ...) act on each row, as in plain
generation; then rows are mixed; then temperature and top_p act on the mixture; then the token is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from semclip.errors import MissingExtra
from semclip.types import Decoding

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "torch", extra="torch") from missing


def mix(logits_NV: Tensor, weights_N: Tensor) -> Tensor:
    """(V,) log of the weighted mean of the rows' probabilities: log Σ wᵢ softmax(logitsᵢ).

    >>> mix(torch.tensor([[0.0, 0.0], [-torch.inf, 0.0]]), torch.tensor([0.5, 0.5])).exp()
    tensor([0.2500, 0.7500])
    """
    return torch.logsumexp(logits_NV.log_softmax(-1) + weights_N.log()[:, None], dim=0)


def nucleus(logits_V: Tensor, top_p: float) -> Tensor:
    """(V,) the logits, -inf outside the fewest likeliest tokens that together reach probability `top_p`.

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration (arXiv 1904.09751), section 3.1.

    >>> nucleus(torch.tensor([0.5, 0.3, 0.2]).log(), 0.7).exp()
    tensor([0.5000, 0.3000, 0.0000])
    """
    if top_p == 1:
        return logits_V
    ordered, order = logits_V.softmax(-1).sort(descending=True)
    before = ordered.cumsum(-1) - ordered
    return logits_V.index_fill(0, order[before >= top_p], -torch.inf)


def gumbel(count: int, generator: torch.Generator) -> Tensor:
    """(count,) Gumbel noise: the argmax of logits plus this is a draw from their softmax.

    The same seed gives the same noise on every device.
    """
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    return -(-uniform.clamp_min(torch.finfo(torch.float64).tiny).log()).log()


@final
@dataclass(frozen=True, slots=True, eq=False)
class Mixer:
    """A logits processor that makes all rows of a group write one token; generation itself stays greedy.

    `weights`: one tensor a group, in the order of the rows. Each group draws from a generator of its own, so that what
    it writes does not depend on the rest of the batch.
    """

    weights: tuple[Tensor, ...]
    decoding: Decoding
    generators: tuple[torch.Generator, ...]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(rows, V) scores whose argmax is the token to write; a group of one keeps its own where nothing is drawn."""
        groups = torch.split(scores, [len(weights) for weights in self.weights])
        return torch.cat([self._group(*group) for group in zip(groups, self.weights, self.generators, strict=True)])

    def _group(self, scores_NV: Tensor, weights_N: Tensor, generator: torch.Generator) -> Tensor:
        if len(scores_NV) == 1 and not self.decoding.temperature:
            return scores_NV
        mixed_V = mix(scores_NV, weights_N.to(scores_NV.device))
        if self.decoding.temperature:
            mixed_V = self._drawn(mixed_V, generator)
        return mixed_V.expand_as(scores_NV)

    def _drawn(self, mixed_V: Tensor, generator: torch.Generator) -> Tensor:
        tempered_V = nucleus(mixed_V / self.decoding.temperature, self.decoding.top_p)
        return tempered_V + gumbel(len(mixed_V), generator).to(tempered_V)


def mixer(weights: Sequence[Sequence[float]], decoding: Decoding) -> Mixer | None:
    """The logits processor for groups of these weights; None where plain greedy generation does the same."""
    if not decoding.temperature and all(len(group) == 1 for group in weights):
        return None
    tensors = tuple(torch.tensor(group, dtype=torch.float32) for group in weights)
    return Mixer(tensors, decoding, tuple(_generator(decoding.seed) for _ in weights))


def _generator(seed: int | None) -> torch.Generator:
    """One apart from the caller's: neither disturbs the other."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator
