from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from semclip.adapters.chat import ChatAdapter, load_chat, wrap_chat
from semclip.adapters.chat.mixing import Mixer, gumbel, mix, mixer, nucleus
from semclip.types import Decoding, Mixture, Prompt
from tests.adapters.asking import picture

GREEDY = Decoding(max_tokens=6)


def weights_of(shares: Sequence[float]) -> Tensor:
    return torch.tensor(shares) / sum(shares)


shares = st.lists(st.floats(0.05, 1), min_size=1, max_size=4)


def noise(*shape: int) -> Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def generators(count: int) -> tuple[torch.Generator, ...]:
    return tuple(torch.Generator().manual_seed(seed) for seed in range(count))


@given(shares)
def test_a_mixture_is_the_weighted_mean_of_probabilities(parts: list[float]) -> None:
    weights, logits = weights_of(parts), noise(len(parts), 7)
    expected = (weights[:, None] * logits.softmax(-1)).sum(0)
    torch.testing.assert_close(mix(logits, weights).exp(), expected)


@given(shares, st.randoms(use_true_random=False))
def test_the_order_of_prompts_does_not_matter(parts: list[float], random: Any) -> None:
    order = random.sample(range(len(parts)), len(parts))
    weights, logits = weights_of(parts), noise(len(parts), 7)
    torch.testing.assert_close(mix(logits[order], weights[order]), mix(logits, weights))


@given(shares)
def test_a_token_forbidden_in_every_prompt_stays_forbidden(parts: list[float]) -> None:
    logits = noise(len(parts), 7)
    logits[:, 3] = -torch.inf
    assert (mix(logits, weights_of(parts)) == -torch.inf).tolist() == [token == 3 for token in range(7)]


@given(st.floats(0.01, 1))
def test_the_nucleus_is_the_fewest_tokens_that_reach_its_mass(top_p: float) -> None:
    logits = noise(20)
    kept = nucleus(logits, top_p) > -torch.inf
    masses = logits.softmax(-1)
    assert masses[kept].sum() >= top_p - 1e-6
    assert kept.sum() == 1 or masses[kept].sum() - masses[kept].min() < top_p + 1e-6
    assert kept.all() or masses[kept].min() >= masses[~kept].max()


def test_drawing_follows_the_distribution() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([(logits + gumbel(3, generator)).argmax() for _ in range(4000)])
    assert torch.bincount(draws).div(4000).tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_all_rows_of_a_group_get_the_same_scores_and_a_group_of_one_keeps_its_own() -> None:
    scores = noise(6, 9)
    weights = (weights_of([0.7, 0.3]), weights_of([1]), weights_of([0.2, 0.5, 0.3]))
    mixed = Mixer(weights, GREEDY, generators(3))(torch.zeros(6, 1, dtype=torch.long), scores)
    assert torch.equal(mixed[0], mixed[1])
    assert torch.equal(mixed[2], scores[2])
    assert torch.equal(mixed[3], mixed[4])
    assert torch.equal(mixed[3], mixed[5])
    torch.testing.assert_close(mixed[3], mix(scores[3:], weights[2]))


def test_what_a_group_draws_does_not_depend_on_the_rest_of_the_batch() -> None:
    scores, ids = noise(3, 9), torch.zeros(3, 1, dtype=torch.long)
    decoding = Decoding(temperature=1.5, top_p=0.9, seed=4)
    together = mixer([(0.5, 0.5), (1.0,)], decoding)
    alone = mixer([(1.0,)], decoding)
    assert together is not None
    assert alone is not None
    for _ in range(5):
        assert torch.equal(together(ids, scores)[2:], alone(ids[2:], scores[2:]))


def test_plain_greedy_generation_needs_no_processor() -> None:
    assert mixer([(1.0,), (1.0,)], GREEDY) is None


@pytest.fixture(scope="module")
def llava(vlm_folder: Callable[[str], Path]) -> ChatAdapter:
    return load_chat(vlm_folder("llava"))


def ensemble(*seeds: int, weights: tuple[float, ...]) -> Mixture:
    return Mixture(tuple(Prompt((picture(seed), "What?"), tiling=False) for seed in seeds), weights)


def plain(adapter: ChatAdapter, seed: int) -> str:
    return adapter.complete([ensemble(seed, weights=(1.0,))], GREEDY)[0].text


def by_hand(adapter: ChatAdapter, mixture: Mixture, *, tokens: int, penalty: float = 1.0) -> str:
    """The ensemble's greedy answer, written without `generate` and without a cache."""
    prompts = [adapter.encode([prompt]) for prompt in mixture.prompts]
    answer: list[int] = []
    for _ in range(tokens):
        mean: Any = 0
        for inputs, weight in zip(prompts, mixture.weights, strict=True):
            ids = torch.cat([inputs["input_ids"], torch.tensor([answer], dtype=torch.long)], dim=1)
            with torch.no_grad():
                logits = adapter.model(input_ids=ids, pixel_values=inputs["pixel_values"]).logits[0, -1]
            for token in set(ids[0].tolist()):
                logits[token] *= penalty if logits[token] < 0 else 1 / penalty
            mean = mean + weight * logits.double().softmax(-1)
        answer.append(int(mean.argmax()))
    return str(adapter.processor.decode(answer, skip_special_tokens=True))


@pytest.mark.parametrize("weights", [(0.5, 0.3, 0.2), (0.1, 0.1, 0.8)])
def test_generation_writes_what_a_loop_by_hand_writes(llava: ChatAdapter, weights: tuple[float, ...]) -> None:
    mixture = ensemble(1, 2, 3, weights=weights)
    (completion,) = llava.complete([mixture], GREEDY)
    assert completion.text == by_hand(llava, mixture, tokens=6)


def test_the_models_own_processors_act_on_each_prompt_before_the_mixture(llava: ChatAdapter) -> None:
    model = copy.deepcopy(llava.model)
    model.generation_config.repetition_penalty = 1.8
    penalised = wrap_chat(model, llava.processor)
    mixture = ensemble(1, 2, weights=(0.6, 0.4))
    (completion,) = penalised.complete([mixture], GREEDY)
    assert completion.text == by_hand(penalised, mixture, tokens=6, penalty=1.8)
    assert completion.text != llava.complete([mixture], GREEDY)[0].text


def test_a_mixture_of_one_picture_with_itself_is_plain_generation(llava: ChatAdapter) -> None:
    (completion,) = llava.complete([ensemble(1, 1, 1, weights=(0.2, 0.5, 0.3))], GREEDY)
    assert completion.text == plain(llava, 1)


def test_a_weight_near_one_decides_alone(llava: ChatAdapter) -> None:
    assert plain(llava, 1) != plain(llava, 2)
    near, far = (llava.complete([ensemble(1, 2, weights=w)], GREEDY)[0] for w in ((1 - 1e-7, 1e-7), (1e-7, 1 - 1e-7)))
    assert near.text == plain(llava, 1)
    assert far.text == plain(llava, 2)
