"""The last token's attention against that of an eager model that gives all of it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.chat import ChatAdapter
from semclip.errors import InputError, ModelError
from semclip.relevance.vlm.last_token import attention, attention_modules, last_row
from semclip.relevance.vlm.reading import overview
from semclip.types import Prompt
from tests.adapters import tiny_vlm
from tests.relevance.vlm.passes import QUESTION, noise, state

Adapters = Callable[[str], ChatAdapter]


def prompts(adapter: ChatAdapter) -> Any:
    """Two prompts of unlike length, so that one is padded."""
    picture = overview(noise(), adapter)
    return adapter.encode([Prompt((picture, text), tiling=False) for text in (QUESTION, "what?")])


def all_attention(model: Any, inputs: Any) -> torch.Tensor:
    """(batch, layers, tokens) by transformers' own account, of an eager copy."""
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    with torch.inference_mode():
        layers = eager(**inputs, output_attentions=True).attentions
    return torch.stack([weights[:, :, -1].mean(1) for weights in layers], dim=1)


@pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)
def test_it_is_the_last_row_of_eager_attention(adapter: Adapters, family: str) -> None:
    model, inputs = adapter(family).model, prompts(adapter(family))
    expected = all_attention(model, inputs)
    with torch.inference_mode():
        both = attention(model, inputs, [1, 0])
        first = attention(model, inputs, [0])
    torch.testing.assert_close(both, expected.flip(1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(first, expected[:, :1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ["llava", "gemma3"])
def test_an_eager_model_gives_the_same(adapter: Adapters, family: str) -> None:
    inputs = prompts(adapter(family))
    eager = copy.deepcopy(adapter(family).model)
    eager.set_attn_implementation("eager")
    with torch.inference_mode():
        found = attention(eager, inputs, [0, 1])
    torch.testing.assert_close(found, all_attention(eager, inputs), atol=1e-5, rtol=1e-4)


def test_a_sliding_window_hides_what_lies_before_it(adapter: Adapters) -> None:
    model = copy.deepcopy(adapter("gemma3").model)
    modules: list[Any] = list(attention_modules(model))
    for module in modules:
        module.sliding_window = module.config.sliding_window = 8
    inputs = prompts(adapter("gemma3"))
    with torch.inference_mode():
        found = attention(model, inputs, [0])
    assert not found[:, :, :-8].any()
    torch.testing.assert_close(found, all_attention(model, inputs)[:, :1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)
def test_the_model_is_left_as_it_was(adapter: Adapters, family: str) -> None:
    model, inputs = adapter(family).model, prompts(adapter(family))
    with torch.inference_mode():
        logits = model(**inputs).logits
        before = state(model)
        attention(model, inputs, [0, 1])
        assert state(model) == before
        torch.testing.assert_close(model(**inputs).logits, logits, atol=0, rtol=0)


def test_a_pass_that_fails_leaves_the_model_as_it_was(adapter: Adapters) -> None:
    model, inputs = adapter("llava").model, prompts(adapter("llava"))
    before = state(model)
    with pytest.raises(ValueError, match="tokens"):
        attention(model, {**inputs, "pixel_values": inputs["pixel_values"][:1]}, [1])
    assert state(model) == before


def test_another_thread_may_use_the_model_meanwhile(adapter: Adapters) -> None:
    model, inputs = adapter("llava").model, prompts(adapter("llava"))
    with torch.inference_mode():
        expected = model(**inputs).logits
    seen: list[torch.Tensor] = []

    def meanwhile() -> None:
        with torch.inference_mode():
            seen.append(model(**inputs).logits)

    def run(*_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=meanwhile)
            thread.start()
            thread.join()

    hook = attention_modules(model)[0].register_forward_pre_hook(run)
    try:
        with torch.inference_mode():
            attention(model, inputs, [0, 1])
    finally:
        hook.remove()
    torch.testing.assert_close(seen, [expected])


@pytest.mark.parametrize("layers", [[], [2], [-1], [0, 7]])
def test_a_layer_that_is_not_there_is_refused(adapter: Adapters, layers: list[int]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        attention(adapter("llava").model, prompts(adapter("llava")), layers)


def test_a_model_without_decoder_layers_is_refused() -> None:
    class Bare(torch.nn.Module):
        def get_decoder(self) -> torch.nn.Module:
            return self

    with pytest.raises(ModelError, match="self_attn each, got Bare"):
        attention_modules(Bare())


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9))
def test_every_form_of_a_mask_hides_the_same(seed: int, key_heads: int, groups: int, keys: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    query, key = (torch.randn(2, heads, keys, 4, generator=draw) for heads in (key_heads * groups, key_heads))
    seen = torch.rand(2, keys, generator=draw) < 0.7
    seen[:, -1] = True
    square = torch.ones(keys, keys, dtype=torch.bool).tril() & seen[:, None, None]
    additive = torch.zeros(square.shape).masked_fill(~square, torch.finfo(torch.float32).min)
    rows = [last_row(query, key, mask, scaling=None, window=None) for mask in (seen.long(), square, additive)]
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, torch.eye(keys).expand(2, key_heads, keys, keys), attn_mask=square, enable_gqa=True
    )[:, :, -1].mean(1)
    for row in rows:
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_a_mask_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(ModelError, match="got flex_attention"):
        last_row(torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4), object(), scaling=None, window=None)


def test_a_window_counts_from_the_last_key() -> None:
    query, key = torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4)
    narrow = last_row(query, key, None, scaling=1.0, window=2)
    assert (narrow[0] > 0).tolist() == [False, False, False, True, True]
