"""Last-token embeddings of crops and questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from semclip.adapters.chat import ChatAdapter
from semclip.errors import InputError
from semclip.pipeline import SemClip
from semclip.relevance.vlm.embedding import OF_IMAGE, OF_TEXT, VlmEmbedding
from semclip.relevance.vlm.reading import close_up
from semclip.types import Prompt
from tests.adapters import tiny_vlm
from tests.relevance.vlm.passes import BOXES, QUESTION, Quarters, counted, noise, state

Adapters = Callable[[str], ChatAdapter]
FAMILIES = pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)


def last_state(adapter: ChatAdapter, prompt: Prompt) -> torch.Tensor:
    """(d,) what the output layer reads at the end of the prompt, by transformers' own account."""
    with torch.inference_mode():
        output = adapter.model(**adapter.encode([prompt]), output_hidden_states=True)
    state: torch.Tensor = output.hidden_states[-1][0, -1]
    return state


@FAMILIES
def test_scores_are_cosines_of_last_states(adapter: Adapters, family: str) -> None:
    one, picture = adapter(family), noise()
    psi = VlmEmbedding(one)
    scores = psi.score(QUESTION, psi.embed(picture, BOXES))
    text = last_state(one, Prompt((f"{QUESTION}\n{OF_TEXT}",)))
    for score, box in zip(scores, BOXES, strict=True):
        crop = last_state(one, Prompt((close_up(picture, box, one), OF_IMAGE), tiling=False))
        assert score == pytest.approx(float(torch.cosine_similarity(crop, text, dim=0)), abs=1e-4)
    assert np.ptp(scores) > 1e-3


@FAMILIES
def test_a_batch_gives_what_single_boxes_give(adapter: Adapters, family: str) -> None:
    psi = VlmEmbedding(adapter(family), batch_size=3)
    singles = replace(psi, batch_size=1)
    assert singles.fingerprint == psi.fingerprint
    features = psi.embed(noise(), BOXES).features
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, singles.embed(noise(), BOXES).features, atol=1e-4)


@FAMILIES
def test_a_new_image_costs_a_pass_for_each_box_and_a_question_one(adapter: Adapters, family: str) -> None:
    semclip = SemClip(VlmEmbedding(adapter(family)), propose=Quarters())
    semclip.relevance.embed(noise(), BOXES)
    before = state(adapter(family).model)
    with counted(adapter(family).model) as rows:
        selection = semclip.select(noise().pixels, QUESTION)
    assert sum(rows) == selection.made_by.vlm_passes == 5
    with counted(adapter(family).model) as rows:
        semclip.select(noise().pixels, "What does the sign say?")
    assert sum(rows) == 1
    assert state(adapter(family).model) == before


def test_regions_of_another_psi_are_refused(adapter: Adapters) -> None:
    regions = VlmEmbedding(adapter("llava")).embed(noise(), BOXES)
    with pytest.raises(InputError, match="embedded itself"):
        VlmEmbedding(adapter("qwen2_vl")).score(QUESTION, regions)


def test_unusable_arguments_are_refused(adapter: Adapters) -> None:
    with pytest.raises(InputError, match="at least one box"):
        VlmEmbedding(adapter("llava")).embed(noise(), [])
    with pytest.raises(InputError, match="at least 1, got 0"):
        VlmEmbedding(adapter("llava"), batch_size=0)
