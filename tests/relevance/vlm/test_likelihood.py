"""Likelihood against log-probabilities gathered one token at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.chat import ChatAdapter
from semclip.errors import InputError
from semclip.geometry import Box
from semclip.pipeline import SemClip
from semclip.relevance.vlm.likelihood import ASK, VlmLikelihood, mean_log_probability
from semclip.relevance.vlm.reading import close_up, overview
from semclip.types import Decoding, Floats, Mixture, Prompt, Regions
from tests.adapters import tiny_vlm
from tests.fakes import ColorRelevance
from tests.relevance.vlm.passes import BOXES, QUESTION, Quarters, counted, noise, state

Adapters = Callable[[str], ChatAdapter]
FAMILIES = pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)


@dataclass(frozen=True)
class InOrder:
    """A base ψ that likes the first box best; scores of its own, whatever the question."""

    scores: tuple[float, ...] = (5.0, 4.0, 3.0, 2.0, 1.0)
    name: str = "in order"
    fingerprint: str = "0rder"
    vlm_passes: int = 0

    def embed(self, image: Any, boxes: Any, /) -> Regions:
        features = np.zeros((len(boxes), 1), np.float32)
        return Regions(image.size, tuple(boxes), features, self.fingerprint, vlm_passes=self.vlm_passes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return np.array(self.scores[: len(regions)])


def by_hand(adapter: ChatAdapter, prompt: Prompt, ids: list[int]) -> float:
    """The mean log-probability of `ids` after the prompt, one pass a token over everything so far."""
    inputs, logs = dict(adapter.encode([prompt])), list[float]()
    for token in ids:
        with torch.inference_mode():
            logs.append(float(adapter.model(**inputs).logits[0, -1].log_softmax(-1)[token]))
        shape = inputs["input_ids"].shape
        for key, value in inputs.items():
            if value.shape == shape:
                tail = {"input_ids": token, "attention_mask": 1}.get(key, 0)
                inputs[key] = torch.cat([value, torch.tensor([[tail]], dtype=value.dtype)], dim=1)
    return float(np.mean(logs))


@FAMILIES
def test_confidence_is_that_of_the_greedy_answer(adapter: Adapters, family: str) -> None:
    one, picture = adapter(family), noise()
    psi = VlmLikelihood(one, InOrder(), best=2, max_tokens=4)
    scores = psi.score(QUESTION, psi.embed(picture, BOXES[:2]))
    for score, box in zip(scores, BOXES, strict=False):
        prompt = Prompt((close_up(picture, box, one), QUESTION), tiling=False)
        (answer,) = one.complete([Mixture((prompt,))], Decoding(max_tokens=4))
        ids = one.processor.tokenizer(answer.text, add_special_tokens=False).input_ids
        assert len(ids) == 4
        assert score == pytest.approx(by_hand(one, prompt, ids), abs=1e-4)


@pytest.mark.parametrize("by_string", [False, True])
def test_an_answer_counts_up_to_its_end_also_beside_a_longer_one(adapter: Adapters, by_string: bool) -> None:
    one, picture = adapter("qwen2_vl"), noise()
    prompts = [Prompt((close_up(picture, box, one), QUESTION), tiling=False) for box in BOXES[:2]]
    answers = one.complete([Mixture((prompt,)) for prompt in prompts], Decoding(max_tokens=4))
    short, long = (one.processor.tokenizer(answer.text, add_special_tokens=False).input_ids for answer in answers)
    end_mark = short[1]
    assert end_mark not in [short[0], *long]
    ending = replace(one, model=copy.deepcopy(one.model))
    if by_string:
        ending.model.generation_config.stop_strings = [answers[0].text[1]]
    else:
        ending.model.generation_config.eos_token_id = end_mark
    psi = VlmLikelihood(ending, InOrder(), best=2, max_tokens=4)
    scores = psi.score(QUESTION, psi.embed(picture, BOXES[:2]))
    expected = [by_hand(one, prompts[0], short[:2]), by_hand(one, prompts[1], long)]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@FAMILIES
def test_a_question_is_as_likely_as_its_words_less_the_prior(adapter: Adapters, family: str) -> None:
    one, picture = adapter(family), noise()
    psi = VlmLikelihood(one, InOrder(), mode="question", best=2, prior_weight=0.5)
    scores = psi.score("What is red?", psi.embed(picture, BOXES[:2]))
    ids = one.processor.tokenizer("What is red?", add_special_tokens=False).input_ids
    shown = [close_up(picture, box, one) for box in BOXES[:2]] + [overview(picture, one)]
    *crops, prior = (by_hand(one, Prompt((picture, ASK), tiling=False), ids) for picture in shown)
    np.testing.assert_allclose(scores, np.array(crops) - 0.5 * prior, atol=1e-4)


@FAMILIES
@pytest.mark.parametrize("mode", ["confidence", "question"])
def test_a_batch_gives_what_single_crops_give(adapter: Adapters, family: str, mode: Any) -> None:
    psi = VlmLikelihood(adapter(family), InOrder(), mode=mode, best=3, max_tokens=3)
    regions = psi.embed(noise(), BOXES)
    singles = replace(psi, batch_size=1)
    assert singles.fingerprint == psi.fingerprint
    np.testing.assert_allclose(psi.score(QUESTION, regions), singles.score(QUESTION, regions), atol=1e-4)


@pytest.mark.parametrize(("mode", "cost"), [("confidence", 3), ("question", 4)])
@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl", "smolvlm"])
def test_it_costs_the_passes_that_it_says(adapter: Adapters, family: str, mode: Any, cost: int) -> None:
    psi = VlmLikelihood(adapter(family), InOrder((5.0, 4.0, 3.0, 2.0)), mode=mode, best=3)
    psi.score(QUESTION, psi.embed(noise(), BOXES[:4]))
    before = state(adapter(family).model)
    with counted(adapter(family).model) as rows:
        selection = SemClip(psi, propose=Quarters()).select(noise().pixels, QUESTION, k=2)
    assert sum(rows) == selection.made_by.vlm_passes == cost
    assert state(adapter(family).model) == before


def test_the_passes_of_its_base_are_counted_too(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("llava"), InOrder(vlm_passes=3), best=2)
    assert psi.embed(noise(), BOXES).vlm_passes == 3 + 2


def test_by_default_the_8_best_boxes_are_tried(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("llava"), InOrder(tuple(range(10))))
    regions = psi.embed(noise(), [Box(x, 0, x + 20, 150) for x in range(0, 200, 20)])
    with counted(adapter("llava").model) as rows:
        scores = psi.score(QUESTION, regions)
    assert sum(rows) == regions.vlm_passes == 8
    assert max(scores[:2]) < min(scores[2:])


def test_boxes_not_tried_rank_below_in_the_order_of_the_base(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("llava"), InOrder((1.0, 7.0, 2.5, 9.0, -np.inf)), best=2)
    scores = psi.score(QUESTION, psi.embed(noise(), BOXES))
    assert sorted(np.argsort(-scores)[:2]) == [1, 3]
    np.testing.assert_allclose(scores[[2, 0]], min(scores[[1, 3]]) - [1, 2.5])
    assert scores[4] == -np.inf


def test_boxes_that_the_base_refuses_stay_refused(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("llava"), InOrder((1.0, -np.inf, -np.inf)))
    scores = psi.score(QUESTION, psi.embed(noise(), BOXES[:3]))
    assert np.isfinite(scores).tolist() == [True, False, False]


def test_boxes_that_repeat_a_better_one_are_not_tried(adapter: Adapters) -> None:
    inner = [Box(0, 0, 100, 75), Box(0, 0, 90, 75), Box(100, 0, 200, 75)]
    psi = VlmLikelihood(adapter("llava"), InOrder(), best=2)
    regions = psi.embed(noise(), inner)
    with counted(adapter("llava").model) as rows:
        scores = psi.score(QUESTION, regions)
    assert sum(rows) == 2
    assert scores[1] < min(scores[0], scores[2])


def test_where_the_base_admits_no_box_none_is_tried(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("llava"), InOrder((-np.inf, -np.inf)))
    assert psi.score(QUESTION, psi.embed(noise(), BOXES[:2])).tolist() == [-np.inf, -np.inf]


def test_control_tokens_in_a_question_are_text(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("qwen2_vl"), InOrder(), mode="question", best=2)
    scores = psi.score("Where is <|image_pad|> or <|im_end|>?", psi.embed(noise(), BOXES))
    assert np.isfinite(scores).all()


def test_the_base_is_a_part_of_the_fingerprint(adapter: Adapters) -> None:
    one = adapter("llava")
    made = [
        VlmLikelihood(one, InOrder()),
        VlmLikelihood(one, ColorRelevance()),
        VlmLikelihood(one, InOrder(), mode="question"),
        VlmLikelihood(one, InOrder(), best=3),
        VlmLikelihood(one, InOrder(), max_tokens=3),
        VlmLikelihood(one, InOrder(), prior_weight=0.0),
    ]
    assert len({psi.fingerprint for psi in made}) == len(made)


def test_unusable_options_are_refused(adapter: Adapters) -> None:
    with pytest.raises(InputError, match="confidence or question, got 'guess'"):
        VlmLikelihood(adapter("llava"), InOrder(), mode="guess")  # type: ignore[arg-type]
    for options in ({"best": 0}, {"max_tokens": 0}, {"batch_size": 0}):
        with pytest.raises(InputError, match="at least 1"):
            VlmLikelihood(adapter("llava"), InOrder(), **options)  # type: ignore[arg-type]


def test_regions_without_their_picture_are_refused(adapter: Adapters) -> None:
    psi = VlmLikelihood(adapter("llava"), InOrder())
    with pytest.raises(InputError, match="with their picture"):
        psi.score(QUESTION, replace(psi.embed(noise(), BOXES), picture=None))


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_what_follows_an_end_mark_does_not_count(tokens: int, end: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    logits, ids = torch.randn(1, tokens, 6, generator=draw), torch.randint(0, 5, (1, tokens), generator=draw)
    if end < tokens:
        ids[0, end] = 5
    said = [float(logits[0, place].softmax(-1)[ids[0, place]].log()) for place in range(min(end + 1, tokens))]
    assert float(mean_log_probability(logits, ids, [5, 77])) == pytest.approx(np.mean(said), abs=1e-5)
