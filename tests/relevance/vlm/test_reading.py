"""Pictures as shown, failures of a model, and fingerprints."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.chat import ChatAdapter, load_chat
from semclip.adapters.families import GENERIC
from semclip.adapters.fusion import Showing, fuse, plan
from semclip.errors import InputError, ModelError, OutOfMemory
from semclip.geometry import Box, Size
from semclip.pipeline import SemClip
from semclip.relevance.table import load_relevance
from semclip.relevance.vlm.embedding import VlmEmbedding
from semclip.relevance.vlm.reading import close_up, fingerprint, frame, overview, passes
from tests.adapters import tiny_vlm
from tests.relevance.vlm.passes import BOXES, QUESTION, noise

Adapters = Callable[[str], ChatAdapter]


def test_a_padded_overview_holds_the_picture_in_its_middle(adapter: Adapters) -> None:
    picture = noise(Size(60, 20))
    shown = np.asarray(overview(picture, adapter("llava")))
    assert shown.shape == (60, 60, 3)
    np.testing.assert_array_equal(shown[20:40], picture.pixels)
    assert len(np.unique(shown[:20].reshape(-1, 3), axis=0)) == 1


def test_pictures_are_shown_by_the_style_of_the_family(adapter: Adapters) -> None:
    wide = noise(Size(3000, 60))
    assert overview(wide, adapter("qwen2_vl")).size == (1024, 20)
    assert close_up(wide, Box(0, 0, 20, 10), adapter("qwen2_vl")).size == (448, 224)
    assert close_up(wide, Box(0, 0, 2048, 30), adapter("qwen2_vl")).size == (2048, 30)
    assert close_up(wide, Box(0, 0, 20, 10), adapter("gemma3")).size == (20, 10)


@pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)
@pytest.mark.parametrize("size", [Size(200, 150), Size(1700, 333), Size(3, 900)], ids=str)
def test_it_is_shown_what_the_answer_is_given(adapter: Adapters, family: str, size: Size) -> None:
    one, picture = adapter(family), noise(size)
    chosen = SemClip(load_relevance("tiles")).select(picture.pixels, QUESTION, k=2)
    sent = plan(size, chosen.boxes, style=one.style, showing=Showing(fusion="append"), count=len)
    (prompt,) = fuse(chosen, sent).prompts
    shown = [overview(chosen.picture, one), *(close_up(chosen.picture, box, one) for box in chosen.boxes)]
    assert len(shown) == 3
    for ours, theirs in zip(shown, prompt.pictures, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.integers(1, 3000), st.integers(1, 3000), st.booleans())
def test_a_frame_holds_its_picture(width: int, height: int, square: bool) -> None:
    padded, inside = frame(Size(width, height), square)
    assert inside.size == Size(width, height)
    assert inside.within(padded)
    assert not square or padded.width == padded.height


def test_a_model_in_training_is_refused(adapter: Adapters) -> None:
    trained = replace(adapter("llava"), model=copy.deepcopy(adapter("llava").model).train())
    with pytest.raises(InputError, match=r"model\.eval"):
        VlmEmbedding(trained).embed(noise(), BOXES)


def test_weights_that_give_no_number_are_reported(adapter: Adapters) -> None:
    broken = replace(adapter("llava"), model=copy.deepcopy(adapter("llava").model))
    with torch.no_grad():
        broken.model.get_decoder().norm.weight[0] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        VlmEmbedding(broken).embed(noise(), BOXES)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (torch.OutOfMemoryError("17 GiB"), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (RuntimeError("shapes"), ModelError),
    ],
)
def test_what_a_model_raises_becomes_one_line(adapter: Adapters, raised: Exception, expected: type[ModelError]) -> None:
    with pytest.raises(expected) as caught, passes(adapter("llava"), "vlm:attention"):
        raise raised
    assert type(caught.value) is expected
    assert caught.value.__cause__ is raised
    assert "\n" not in str(caught.value)


def test_a_model_is_free_again_after_a_failure(adapter: Adapters) -> None:
    psi = VlmEmbedding(adapter("llava"))
    with pytest.raises(ModelError), passes(adapter("llava"), psi.name):
        raise RuntimeError
    psi.score(QUESTION, psi.embed(noise(), BOXES))


def test_the_fingerprint_reads_every_weight(adapter: Adapters) -> None:
    one = adapter("llava")
    known = fingerprint(one, {})
    assert fingerprint(one, {}) == known != fingerprint(one, {"layers": [3]})
    for name, weight in one.model.state_dict().items():
        other = copy.deepcopy(one.model)
        with torch.no_grad():
            other.state_dict()[name].add_(1)
        assert fingerprint(replace(one, model=other), {}) != known, name
        assert weight.isfinite().all()


def test_the_fingerprint_is_that_of_the_dtype_and_the_family_too(adapter: Adapters) -> None:
    one = adapter("llava")
    halved = replace(one, model=copy.deepcopy(one.model).to(torch.bfloat16))
    assert len({fingerprint(other, {}) for other in (one, halved, replace(one, family=GENERIC))}) == 3


def test_the_fingerprint_of_a_model_that_was_moved_is_the_same(vlm_folder: Any, tmp_path: Path) -> None:
    folder = vlm_folder("llava")
    moved = load_chat(shutil.copytree(folder, tmp_path / "moved"))
    assert fingerprint(moved, {}) == fingerprint(load_chat(folder), {})
