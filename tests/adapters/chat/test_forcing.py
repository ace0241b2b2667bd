"""Likelihoods of a given answer against probabilities gathered one token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from semclip.adapters.chat import ChatAdapter, load_chat
from semclip.adapters.chat.forcing import as_written, log_likelihoods
from semclip.adapters.families import GENERIC
from semclip.errors import InputError, ModelError
from semclip.types import Mixture, Prompt
from tests.adapters import tiny_vlm

Adapters = Callable[[str], ChatAdapter]
FAMILIES = pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)

COLORS = ("red", "green", "blue", "white")
RED, GREEN, BLUE, WHITE = (
    Prompt((Image.new("RGB", (60 + 20 * number, 80), color), "What is it?"), tiling=False)
    for number, color in enumerate(COLORS)
)
MIXTURES = [Mixture((RED,)), Mixture((GREEN, BLUE, WHITE), (0.5, 0.3, 0.2)), Mixture((WHITE,))]


def by_hand(adapter: ChatAdapter, mixture: Mixture, text: str) -> float:
    """The mean log of the mixed probability of each token, one pass a token and a prompt over everything so far."""
    prompts = [dict(adapter.encode([prompt])) for prompt in mixture.prompts]
    logs = []
    for token in adapter.processor.tokenizer(text, add_special_tokens=False).input_ids:
        with torch.inference_mode():
            said = [float(adapter.model(**inputs).logits[0, -1].softmax(-1)[token]) for inputs in prompts]
        logs.append(sum(weight * one for weight, one in zip(mixture.weights, said, strict=True)))
        prompts = [_with(inputs, token) for inputs in prompts]
    return float(torch.tensor(logs, dtype=torch.float64).log().mean())


def _with(inputs: dict[str, Any], token: int) -> dict[str, Any]:
    tails = {"input_ids": token, "attention_mask": 1}
    shape = inputs["input_ids"].shape
    return {
        key: torch.cat([value, torch.tensor([[tails.get(key, 0)]], dtype=value.dtype)], dim=1)
        if value.shape == shape
        else value
        for key, value in inputs.items()
    }


@pytest.fixture(scope="module")
def adapter(vlm_folder: Callable[[str], Path]) -> Adapters:
    return cache(lambda family: load_chat(vlm_folder(family)))


@FAMILIES
def test_an_answer_is_as_likely_as_its_tokens_one_by_one(adapter: Adapters, family: str) -> None:
    one = adapter(family)
    expected = [by_hand(one, mixture, "a red car") for mixture in MIXTURES]
    assert log_likelihoods(one, MIXTURES, "a red car") == pytest.approx(expected, abs=1e-4)


def test_a_family_that_is_not_known_is_asked_one_by_one(adapter: Adapters) -> None:
    known = adapter("llava")
    unknown = replace(known, family=replace(GENERIC, untiled=known.family.untiled))
    unbatched = replace(known, family=GENERIC)
    expected = log_likelihoods(known, MIXTURES, "red")
    assert log_likelihoods(unknown, MIXTURES, "red") == pytest.approx(expected, abs=1e-4)
    assert log_likelihoods(unbatched, MIXTURES[:1], "red") == pytest.approx(expected[:1], abs=1e-4)


def test_of_nothing_there_is_nothing_to_say(adapter: Adapters) -> None:
    assert log_likelihoods(adapter("llava"), [], "red") == []
    with pytest.raises(InputError, match="at least one token"):
        log_likelihoods(adapter("llava"), MIXTURES, "")


def test_control_tokens_in_an_answer_are_text(adapter: Adapters) -> None:
    (said,) = log_likelihoods(adapter("qwen2_vl"), MIXTURES[:1], "<|image_pad|> and <|im_end|>")
    assert said == pytest.approx(by_hand(adapter("qwen2_vl"), MIXTURES[0], "< |image_pad|> and < |im_end|>"), abs=1e-4)


@FAMILIES
@pytest.mark.parametrize(("wanted", "others"), [(" r", "rRG"), ("R", "rG"), ("r", "RG")])
def test_an_answer_is_written_as_the_model_begins_one(adapter: Adapters, family: str, wanted: str, others: str) -> None:
    one = adapter(family)
    (first, *_), *rest = one.processor.tokenizer([wanted, *others, " "], add_special_tokens=False).input_ids
    with expecting(one, first, [ids[0] for ids in rest if ids[0] != first]):
        red, green = as_written(one, MIXTURES[1], ["red", "green"])
    assert red[: len(wanted)] == wanted
    assert red.strip().lower() == "red"
    assert green == red[: len(wanted) - 1] + ("Green" if wanted == "R" else "green")


def test_options_that_differ_by_a_capital_keep_it(adapter: Adapters) -> None:
    one = adapter("llava")
    (capital,), (small,) = one.processor.tokenizer(["A", "a"], add_special_tokens=False).input_ids
    with expecting(one, capital, [small]):
        assert {text.strip() for text in as_written(one, MIXTURES[0], ["a", "A"])} == {"a", "A"}


@contextmanager
def expecting(adapter: ChatAdapter, token: int, others: Sequence[int]) -> Iterator[None]:
    """The model finds `token` likelier than others as the next one, and `others` less likely than any."""

    def shift(_module: Any, _args: Any, logits: torch.Tensor) -> torch.Tensor:
        logits = logits.clone()
        logits[..., token] += 40
        logits[..., list(others)] -= 40
        return logits

    hook = adapter.model.get_output_embeddings().register_forward_hook(shift)
    try:
        yield
    finally:
        hook.remove()


def test_a_model_in_training_mode_is_refused(adapter: Adapters) -> None:
    one = adapter("llava")
    one.model.train()
    try:
        with pytest.raises(InputError, match=r"call model.eval\(\)"):
            log_likelihoods(one, MIXTURES, "red")
        with pytest.raises(InputError, match=r"call model.eval\(\)"):
            as_written(one, MIXTURES[0], ["red"])
    finally:
        one.model.eval()


def test_numbers_that_are_not_finite_are_no_likelihood(adapter: Adapters) -> None:
    one = adapter("llava")
    weight = one.model.get_output_embeddings().weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[0] = torch.nan
    try:
        with pytest.raises(ModelError, match="not finite"):
            log_likelihoods(one, MIXTURES, "red")
    finally:
        with torch.no_grad():
            weight.copy_(kept)
