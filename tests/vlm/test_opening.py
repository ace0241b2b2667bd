"""`semclip.wrap` over every family: with k = 0 it changes nothing, and what an answer says it cost is what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor

import semclip
from semclip import VLM, Box, SemClip, Showing, Size
from semclip.adapters.families import family_of
from semclip.adapters.fusion import framed_picture, plan
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


def processed(processor: Any, *content: Any, **options: Any) -> Any:
    """What the processor alone makes of a message of texts and pictures."""
    parts = [{"type": "text" if isinstance(one, str) else "image", **_named(one)} for one in content]
    return processor.apply_chat_template(
        [{"role": "user", "content": parts}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        **options,
    )


def _named(one: Any) -> dict[str, Any]:
    return {"text": one} if isinstance(one, str) else {"image": one}


@contextmanager
def listening(model: Any) -> Iterator[tuple[list[list[int]], list[Tensor]]]:
    """The token ids of each pass of the language model, and the tiles or patches that the vision encoder is given."""
    ids: list[list[int]] = []
    seen: list[Tensor] = []
    (embedding,) = (one for one in model.modules() if isinstance(one, torch.nn.Conv2d | torch.nn.Conv3d))

    def read(_model: object, _args: object, named: dict[str, Any]) -> None:
        ids.append(named["input_ids"][0].tolist())

    hooks = (
        model.register_forward_pre_hook(read, with_kwargs=True),
        embedding.register_forward_pre_hook(lambda _, given: seen.append(given[0].flatten(1))),
    )
    try:
        yield ids, seen
    finally:
        for hook in hooks:
            hook.remove()


def test_with_k_0_the_model_reads_and_writes_the_token_ids_that_it_does_unwrapped(parts: Parts) -> None:
    model, processor = parts
    inputs = processed(processor, Image.fromarray(PIXELS), QUESTION)
    (expected,) = model.generate(**inputs, max_new_tokens=5, do_sample=False).tolist()
    length = inputs["input_ids"].shape[1]
    with listening(model) as (ids, _):
        answer = wrapped(parts).ask(PIXELS, QUESTION, k=0, max_tokens=5)
    assert [token for one in ids for token in one] == expected[:-1]
    assert answer.text == processor.decode(expected[length:], skip_special_tokens=True)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (length, 5)
    assert answer.usage.visual_tokens == answer.usage.overview_tokens
    assert answer.usage.crop_tokens == 0


def test_overview_and_crops_reach_the_model_best_first(parts: Parts) -> None:
    model, processor = parts
    vlm = wrapped(parts, fusion="append")
    with listening(model) as (_, seen):
        answer = vlm.ask(PIXELS, QUESTION, k=2, max_tokens=1)
    terms = plan(SIZE, answer.selection.boxes, style=vlm.adapter.style, showing=vlm.showing, count=len)
    pictures = [
        framed_picture(answer.selection.picture, box, size)
        for box, size in zip((None, *answer.selection.boxes), (terms.overview, *terms.crops), strict=True)
    ]
    untiled = {"processor_kwargs": dict(family_of(model.config.model_type).untiled)}
    expected = processed(processor, *pictures, "?", **untiled)["pixel_values"]
    rows = expected.flatten(0, -4).flatten(1) if expected.ndim > 3 else expected
    # Pictures of fewer tiles are filled up with zeros, which LLaVA-NeXT never looks at.
    assert torch.equal(torch.cat(seen), rows[rows.any(dim=1)])
    swapped = processed(processor, *pictures[::-1], "?", **untiled)["pixel_values"]
    assert not torch.equal(swapped, expected)


@pytest.mark.parametrize("fusion", ["append", "montage", "ensemble", "pairs"])
def test_what_was_planned_is_what_was_sent(parts: Parts, fusion: Fusion) -> None:
    vlm = wrapped(parts, fusion=fusion)
    answer, stream = vlm.ask(PIXELS, QUESTION, k=2, max_tokens=2), vlm.stream(PIXELS, QUESTION, k=2, max_tokens=2)
    assert len(answer.shown) == 2
    assert answer.usage.visual_tokens == stream.usage.visual_tokens
    assert "".join(stream) == answer.text


@pytest.mark.parametrize("fusion", ["append", "montage", "ensemble", "pairs"])
def test_a_budget_is_never_exceeded(parts: Parts, fusion: Fusion) -> None:
    usage = wrapped(parts, fusion=fusion).ask(PIXELS, QUESTION, k=2, max_tokens=1).usage
    free, least = usage.visual_tokens, usage.overview_tokens
    assert free is not None
    assert least is not None
    for budget in {max(free - 1, least), least}:
        vlm = wrapped(parts, fusion=fusion, max_visual_tokens=budget)
        sent = vlm.ask(PIXELS, QUESTION, k=2, max_tokens=1).usage.visual_tokens
        assert sent is not None
        assert sent <= budget
