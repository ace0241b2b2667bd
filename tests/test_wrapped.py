"""`semclip.wrap` over every family: with k = 0 it changes nothing, and what an answer says it cost is what was sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

import semclip
from semclip import VLM, Box, SemClip, Showing, Size
from semclip.types import Fusion
from tests.adapters.tiny_vlm import FAMILY_NAMES
from tests.fakes import ColorRelevance, spotted

torch.set_num_threads(1)

SIZE = Size(300, 200)
PIXELS = spotted(SIZE, {Box(0, 0, 80, 50): (255, 0, 0), Box(220, 150, 300, 200): (255, 40, 40)})
QUESTION = "Where is the red bus?"

Parts = tuple[Any, Any]


@pytest.fixture(scope="module", params=FAMILY_NAMES)
def parts(request: pytest.FixtureRequest, vlm_folder: Callable[[str], Path]) -> Parts:
    folder = vlm_folder(request.param)
    return AutoModelForImageTextToText.from_pretrained(folder), AutoProcessor.from_pretrained(folder)


def wrapped(parts: Parts, **showing: Any) -> VLM:
    return VLM(semclip.wrap(*parts).adapter, SemClip(ColorRelevance()), Showing(**showing))


def unwrapped(model: Any, processor: Any) -> tuple[str, int]:
    """The answer of the model alone, and how long its prompt is."""
    content = [{"type": "image", "image": Image.fromarray(PIXELS)}, {"type": "text", "text": QUESTION}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    length = inputs["input_ids"].shape[1]
    ids = model.generate(**inputs, max_new_tokens=5, do_sample=False)[0, length:]
    return processor.decode(ids, skip_special_tokens=True), length


def test_with_k_0_the_model_answers_as_it_does_unwrapped(parts: Parts) -> None:
    answer = wrapped(parts).ask(PIXELS, QUESTION, k=0, max_tokens=5)
    assert (answer.text, answer.usage.prompt_tokens) == unwrapped(*parts)
    assert answer.usage.visual_tokens == answer.usage.overview_tokens
    assert answer.usage.crop_tokens == 0


@pytest.mark.parametrize("fusion", ["append", "montage", "ensemble"])
def test_what_was_planned_is_what_was_sent(parts: Parts, fusion: Fusion) -> None:
    vlm = wrapped(parts, fusion=fusion)
    answer, stream = vlm.ask(PIXELS, QUESTION, k=2, max_tokens=2), vlm.stream(PIXELS, QUESTION, k=2, max_tokens=2)
    assert len(answer.shown) == 2
    assert answer.usage.visual_tokens == stream.usage.visual_tokens
    assert "".join(stream) == answer.text


@pytest.mark.parametrize("fusion", ["append", "montage", "ensemble"])
def test_a_budget_is_never_exceeded(parts: Parts, fusion: Fusion) -> None:
    usage = wrapped(parts, fusion=fusion).ask(PIXELS, QUESTION, k=2, max_tokens=1).usage
    assert usage.visual_tokens is not None
    assert usage.overview_tokens is not None
    for budget in (usage.visual_tokens - 1, usage.overview_tokens):
        vlm = wrapped(parts, fusion=fusion, max_visual_tokens=max(budget, usage.overview_tokens))
        sent = vlm.ask(PIXELS, QUESTION, k=2, max_tokens=1).usage.visual_tokens
        assert sent is not None
        assert sent <= max(budget, usage.overview_tokens)
