"""What holds for every family: the model reads exactly what it should, and its answers depend on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from semclip.adapters.chat import ChatAdapter, load_chat
from semclip.adapters.control import control_tokens
from semclip.adapters.families import FAMILIES, GENERIC
from semclip.geometry import Size
from semclip.prompts import to_chat_messages
from semclip.types import Decoding, Mixture, Prompt
from tests.adapters.asking import WAYS, Way, picture
from tests.adapters.tiny_vlm import FAMILY_NAMES

GREEDY = Decoding(max_tokens=6)
SAMPLED = Decoding(max_tokens=6, temperature=1.2, top_p=0.9, seed=7)
QUESTION = "What number is on the bus?"
OVERVIEW, FIRST, SECOND = picture(1, 120, 80), picture(2, 60, 70), picture(3, 90, 30)


def alone(*parts: Any, tiling: bool = False) -> Mixture:
    return Mixture((Prompt(parts, tiling=tiling),))


PLAIN = alone(OVERVIEW, QUESTION, tiling=True)
APPENDED = alone("Picture 1 is the whole image.", OVERVIEW, "Close-up:", FIRST, "Close-up:", SECOND, QUESTION)
ENSEMBLE = Mixture(tuple(Prompt((one, QUESTION), tiling=False) for one in (OVERVIEW, FIRST)), (0.6, 0.4))
SHORT = alone(SECOND, "?", tiling=True)


@pytest.fixture(scope="module", params=FAMILY_NAMES)
def adapter(request: pytest.FixtureRequest, vlm_folder: Callable[[str], Path]) -> ChatAdapter:
    return load_chat(vlm_folder(request.param))


@contextmanager
def reading(model: torch.nn.Module) -> Iterator[list[dict[str, Any]]]:
    """What goes into each forward pass of the language model's side."""
    passes: list[dict[str, Any]] = []

    def keep(_model: object, _args: object, inputs: dict[str, Any]) -> None:
        passes.append(inputs)

    hook = model.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        yield passes
    finally:
        hook.remove()


@contextmanager
def looking(model: torch.nn.Module) -> Iterator[list[Tensor]]:
    """What its vision encoder is given: tiles or patches, (n, values)."""
    seen: list[Tensor] = []

    def keep(_embedding: object, pixels: tuple[Tensor, ...]) -> None:
        seen.append(pixels[0].flatten(1))

    (embedding,) = (one for one in model.modules() if isinstance(one, torch.nn.Conv2d | torch.nn.Conv3d))
    hook = embedding.register_forward_pre_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()


def unwrapped(adapter: ChatAdapter, prompt: Prompt) -> tuple[Tensor, Tensor]:
    """The prompt's and the answer's token ids, (T,) each, as anybody gets them without semclip."""
    inputs = adapter.processor.apply_chat_template(
        to_chat_messages(prompt), tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    sequences = adapter.model.generate(**inputs, max_new_tokens=GREEDY.max_tokens, do_sample=False)
    length = inputs["input_ids"].shape[1]
    return inputs["input_ids"][0], sequences[0, length:]


def test_it_is_known_by_its_type(adapter: ChatAdapter) -> None:
    assert adapter.family is FAMILIES[adapter.model.config.model_type]


def test_without_crops_the_model_reads_and_writes_what_it_does_unwrapped(adapter: ChatAdapter) -> None:
    prompt_ids, answer_ids = unwrapped(adapter, PLAIN.prompts[0])
    with reading(adapter.model) as passes:
        (completion,) = adapter.complete([PLAIN], GREEDY)
    assert passes[0]["input_ids"].tolist() == [prompt_ids.tolist()]
    assert [ids["input_ids"].item() for ids in passes[1:]] == answer_ids[:-1].tolist()
    assert completion.text == adapter.processor.decode(answer_ids, skip_special_tokens=True)
    assert completion.prompt_tokens == len(prompt_ids)
    assert completion.completion_tokens == len(answer_ids) == GREEDY.max_tokens


def processed(adapter: ChatAdapter, prompt: Prompt) -> Tensor:
    """The tiles or patches that the processor makes of a prompt's pictures, each by itself, (n, values)."""
    # LLaVA-OneVision prepares a picture in company otherwise than one alone: its company is itself.
    times = min(2, len(prompt.pictures))
    made = []
    for one in prompt.pictures:
        pixels = adapter.encode([Prompt((*[one] * times, "?"), tiling=prompt.tiling)])["pixel_values"]
        tiles = pixels.flatten(0, -4).flatten(1) if pixels.ndim > 3 else pixels
        made.append(tiles[: len(tiles) // times])
    return torch.cat(made)


def test_pictures_reach_the_model_in_the_order_of_the_prompt(adapter: ChatAdapter) -> None:
    with looking(adapter.model) as seen:
        adapter.complete([APPENDED], GREEDY)
    (prompt,) = APPENDED.prompts
    assert torch.equal(torch.cat(seen), processed(adapter, prompt))
    assert not torch.equal(torch.cat(seen), processed(adapter, Prompt(prompt.parts[::-1], tiling=False)))


def test_pictures_of_a_batch_keep_their_order(adapter: ChatAdapter) -> None:
    asked = [APPENDED, SHORT, ENSEMBLE]
    with looking(adapter.model) as seen:
        adapter.complete(asked, GREEDY)
    expected = [processed(adapter, prompt) for mixture in asked for prompt in mixture.prompts]
    assert torch.equal(torch.cat(seen), torch.cat(expected))


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_a_batch_answers_as_one_by_one(adapter: ChatAdapter, decoding: Decoding) -> None:
    asked = [PLAIN, ENSEMBLE, SHORT, APPENDED]
    together = adapter.complete(asked, decoding)
    assert together == tuple(adapter.complete([one], decoding)[0] for one in asked)
    assert len({completion.text for completion in together}) > 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mixture", [APPENDED, ENSEMBLE], ids=["append", "ensemble"])
def test_every_way_of_asking_gives_the_same_text(adapter: ChatAdapter, way: Way, mixture: Mixture) -> None:
    assert way(adapter, mixture, SAMPLED) == adapter.complete([mixture], SAMPLED)[0].text


@pytest.mark.parametrize("mixture", [PLAIN, APPENDED, ENSEMBLE], ids=["plain", "append", "ensemble"])
def test_visual_tokens_are_what_the_counter_says(adapter: ChatAdapter, mixture: Mixture) -> None:
    (completion,) = adapter.complete([mixture], GREEDY)
    counts = [
        adapter.visual_tokens([Size(*one.size) for one in prompt.pictures], tiling=prompt.tiling)
        for prompt in mixture.prompts
    ]
    assert completion.visual_tokens == sum(count or 0 for count in counts)


def test_control_tokens_in_a_question_are_text(adapter: ChatAdapter) -> None:
    hostile = alone(OVERVIEW, " ".join(sorted(control_tokens(adapter.processor))), tiling=True)
    plain, attacked = adapter.complete([PLAIN, hostile], GREEDY)
    assert attacked.visual_tokens == plain.visual_tokens


def test_text_alone_can_be_encoded(adapter: ChatAdapter) -> None:
    inputs = adapter.encode([Prompt(("Only words.",)), Prompt(("A few more words than that.",))])
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape
    assert inputs["attention_mask"][0, 0] == 0
    assert inputs["attention_mask"][:, -1].all()
    assert adapter.model(**inputs).logits.isfinite().all()


def test_a_family_that_nobody_knows_answers_the_same_plain_question(adapter: ChatAdapter) -> None:
    unknown = ChatAdapter(adapter.model, adapter.processor, "unknown", GENERIC)
    assert unknown.complete([PLAIN, SHORT], GREEDY) == adapter.complete([PLAIN, SHORT], GREEDY)
