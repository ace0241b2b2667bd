"""What the miniature models are taught is what their real processors would give them."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.miniature.drawing import WHOLE, render
from benchmarks.miniature.models import FAMILIES, GRID, SIDE_PX, Family, build, seen_size
from benchmarks.miniature.pixels import encode, squared
from benchmarks.miniature.tower import KINDS_OF_THING, NOTHING, TEXTS, DenseHeads, batch, features, labels, loss
from benchmarks.miniature.train import Reader
from benchmarks.miniature.views import draw_lesson
from benchmarks.miniature.world import Scene, Thing, draw_scene
from semclip.geometry import Size
from semclip.prompts import to_chat_messages


@lru_cache(2)
def built(family: Family) -> tuple[Any, Any]:
    return build(family)


families = pytest.mark.parametrize("family", FAMILIES)

SIDES_PX = st.integers(64, 1536)
"""Beyond 36 : 1 Qwen's processor gives more tokens than it is told, and cuts them when it sees the picture again."""


@families
@given(SIDES_PX, SIDES_PX)
@settings(max_examples=25, deadline=None)
def test_pictures_are_encoded_as_the_processor_does(family: Family, width: int, height: int) -> None:
    size = seen_size(family, Size(width, height))
    picture = render(draw_scene(width), size)
    if family == "llava":
        picture = squared(picture, SIDE_PX)
    theirs = built(family)[1].image_processor(images=[picture], return_tensors="pt")
    for name, ours in encode(family, [picture]).items():
        torch.testing.assert_close(ours, theirs[name].to(ours.dtype), atol=1e-5, rtol=0)


@families
def test_a_lesson_is_read_as_the_processor_reads_it(family: Family) -> None:
    _, processor = built(family)
    reader, rng = Reader(family, processor), random.Random(1)
    for _ in range(12):
        lesson = draw_lesson(family, rng, progress=0.8)
        inputs, known = reader.batch([lesson])
        theirs = processor.apply_chat_template(
            [to_chat_messages(lesson.prompt)],
            tokenize=True,
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
        prompt = theirs["input_ids"].shape[1]
        assert inputs["input_ids"][0, :prompt].tolist() == theirs["input_ids"][0].tolist()
        assert set(known[0, :prompt].tolist()) == {NOTHING}
        said = processor.tokenizer.decode([token for token in known[0].tolist() if token != NOTHING])
        answers = [asked.answer for asked in lesson.asked]
        assert said.replace(processor.tokenizer.eos_token, "").strip() == " ".join(answers)
        assert answers


@families
def test_padding_changes_no_answer(family: Family) -> None:
    model, processor = built(family)
    model.eval()
    reader, rng = Reader(family, processor), random.Random(2)
    lessons = [draw_lesson(family, rng, progress=0.8) for _ in range(3)]
    together, _ = reader.batch(lessons)
    with torch.no_grad():
        logits = model(**together).logits
        for place, lesson in enumerate(lessons):
            alone, _ = reader.batch([lesson])
            length = alone["input_ids"].shape[1]
            torch.testing.assert_close(logits[place, :length], model(**alone).logits[0], atol=2e-4, rtol=1e-3)


@families
def test_a_tower_gives_36_features_that_heads_read(family: Family) -> None:
    pictures, known = batch(random.Random(0), 3, walls=0.5)
    found = features(built(family)[0], family, pictures)
    assert found.shape == (3, GRID**2, 192)
    assert known.shape == (3, GRID**2, 3)
    value, rights = loss(DenseHeads()(found), known)
    assert torch.isfinite(value)
    assert len(rights) == 3


def test_a_cell_is_labelled_with_the_thing_in_it() -> None:
    thing = Thing("star", "red", "7", 0.25, 0.75, 0.2, 0.2, 0.0)
    found = labels(Scene(0, ((0, 0, 0), (0, 0, 0)), (thing,)), WHOLE)
    row, column = int(0.75 * GRID), int(0.25 * GRID)
    assert found[row * GRID + column].tolist() == [KINDS_OF_THING.index("star"), 0, TEXTS.index("7")]
    assert found[0].tolist() == [len(KINDS_OF_THING), NOTHING, NOTHING]


def test_what_is_too_small_to_be_read_teaches_no_text() -> None:
    thing = Thing("star", "red", "7", 0.5, 0.5, 0.06, 0.06, 0.0)
    found = labels(Scene(0, ((0, 0, 0), (0, 0, 0)), (thing,)), WHOLE)
    assert set(found[:, 2].tolist()) == {NOTHING}
    assert KINDS_OF_THING.index("star") in found[:, 0].tolist()
