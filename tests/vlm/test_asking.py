"""A model with a magnifying glass: what it is shown, what the answer says about it, and what is never done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semclip.adapters.fusion import Showing
from semclip.errors import InputError, TooManyPictures
from semclip.geometry import Box, Size
from semclip.pipeline import SemClip
from semclip.proposals import grid
from semclip.selection import Choice
from semclip.types import Decoding, Picture, Regions, Style
from semclip.vlm import VLM, Answer
from tests.fakes import ColorRelevance, ScriptedVLM, spotted

SIZE = Size(1200, 800)
PIXELS = spotted(SIZE, {Box(0, 0, 300, 200): (255, 0, 0), Box(900, 600, 1200, 800): (255, 40, 40)})
QUESTION = "Where is the red?"


def magnified(adapter: ScriptedVLM | None = None, **changes: Any) -> VLM:
    return replace(VLM(adapter or ScriptedVLM(), SemClip(ColorRelevance(), grid)), **changes)


def asked_async(vlm: VLM, k: int | None) -> Answer:
    return asyncio.run(vlm.ask_async(PIXELS, QUESTION, k=k))


def test_a_model_is_shown_the_overview_and_the_best_crops() -> None:
    adapter = ScriptedVLM()
    answer = magnified(adapter).ask(PIXELS, QUESTION, k=2)
    (mixture,) = adapter.asked
    (prompt,) = mixture.prompts
    overview, first, second = prompt.pictures
    assert answer.text == f"1024x683 {first.width}x{first.height} {second.width}x{second.height}"
    assert overview.size == (1024, 683)
    for crop, box in zip((first, second), answer.selection.boxes, strict=True):
        assert (np.asarray(crop) == PIXELS[box.top : box.bottom, box.left : box.right]).all()
    assert prompt.text.endswith(QUESTION)
    assert not prompt.tiling
    assert answer.shown == answer.selection.chosen
    assert len(answer.shown) == 2
    assert answer.notes == ()


def test_with_k_0_the_model_is_asked_as_without_semclip() -> None:
    adapter, psi = ScriptedVLM(), ColorRelevance()
    answer = magnified(adapter, semclip=SemClip(psi, grid)).ask(PIXELS, QUESTION, k=0)
    (prompt,) = adapter.asked[0].prompts
    picture, text = prompt.parts
    assert (np.asarray(picture) == PIXELS).all()
    assert text == QUESTION
    assert prompt.tiling
    assert psi.encoded == []
    assert answer.selection.chosen == answer.selection.considered == answer.shown == ()


def test_where_nothing_is_chosen_the_overview_is_shown_without_a_word_about_it() -> None:
    adapter = ScriptedVLM()
    nothing = magnified(adapter).using(choice=Choice(threshold=99))
    assert nothing.ask(PIXELS, QUESTION).shown == ()
    (prompt,) = adapter.asked[0].prompts
    assert [type(part) for part in prompt.parts] == [Image.Image, str]
    assert prompt.parts[1] == QUESTION


def test_usage_compares_with_the_overview_and_with_what_the_model_alone_would_spend() -> None:
    usage = magnified().ask(PIXELS, QUESTION, k=2).usage
    assert (usage.visual_tokens, usage.overview_tokens, usage.crop_tokens, usage.anyres_tokens) == (300, 100, 200, 500)
    assert usage.completion_tokens == 3


def test_a_family_of_one_picture_size_is_compared_with_four_tiles_and_the_overview() -> None:
    usage = magnified(ScriptedVLM(style=Style(fusion="montage", fixed=True))).ask(PIXELS, QUESTION, k=2).usage
    assert (usage.visual_tokens, usage.overview_tokens, usage.crop_tokens, usage.anyres_tokens) == (100, 100, 0, 500)


def test_where_tokens_are_unknown_the_usage_says_so_and_a_budget_is_refused() -> None:
    vlm = magnified(ScriptedVLM(tokens_per_picture=None))
    usage = vlm.ask(PIXELS, QUESTION).usage
    assert usage.visual_tokens is usage.crop_tokens is usage.anyres_tokens is None
    with pytest.raises(InputError):
        vlm.using(showing=Showing(max_visual_tokens=1000)).ask(PIXELS, QUESTION)


def test_a_budget_drops_crops_and_the_answer_says_so() -> None:
    answer = magnified().using(showing=Showing(max_visual_tokens=250)).ask(PIXELS, QUESTION, k=2)
    assert len(answer.shown) == 1
    assert len(answer.selection.chosen) == 2
    assert answer.usage.visual_tokens == 200
    assert answer.notes == ("1 of 2 crops shown: more do not fit 250 visual tokens",)


@pytest.mark.parametrize("ask", [lambda vlm: vlm.ask(PIXELS, QUESTION, k=2), lambda vlm: asked_async(vlm, 2)])
def test_a_server_that_admits_fewer_pictures_is_asked_once_more_with_fewer(ask: Callable[[VLM], Answer]) -> None:
    adapter = ScriptedVLM(limit=2)
    answer = ask(magnified(adapter))
    assert [len(mixture.prompts[0].pictures) for mixture in adapter.asked] == [3, 2]
    assert answer.shown == answer.selection.chosen[:1]
    assert answer.notes == ("1 of 2 crops shown: the server admits 2 pictures",)


def test_of_a_batch_only_the_refused_are_asked_again() -> None:
    adapter = ScriptedVLM(limit=2)
    none = np.zeros_like(PIXELS)
    vlm = magnified(adapter).using(choice=Choice(k=2, threshold=0.01))
    answers = vlm.ask_many([(none, QUESTION), (PIXELS, QUESTION), (none, QUESTION)])
    assert [len(mixture.prompts[0].pictures) for mixture in adapter.asked] == [1, 3, 1, 2]
    assert [len(answer.shown) for answer in answers] == [0, 1, 0]


def test_the_refused_are_asked_again_together() -> None:
    adapter = ScriptedVLM(limit=2)
    answers = magnified(adapter).ask_many([(PIXELS, QUESTION)] * 3)
    assert [len(mixture.prompts[0].pictures) for mixture in adapter.asked] == [3, 3, 3, 2, 2, 2]
    assert [len(answer.shown) for answer in answers] == [1, 1, 1]


def test_an_answer_shows_its_crops_from_the_picture_on_disk_as_well(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    answer = magnified().ask(tmp_path / "photo.png", QUESTION, k=1)
    (box,) = answer.selection.boxes
    (crop,) = answer.selection.crops
    assert answer.selection.image == str(tmp_path / "photo.png")
    assert (np.asarray(crop) == PIXELS[box.top : box.bottom, box.left : box.right]).all()


def test_a_server_that_admits_no_picture_is_an_error() -> None:
    with pytest.raises(TooManyPictures):
        magnified(ScriptedVLM(limit=0)).ask(PIXELS, QUESTION, k=0)
    with pytest.raises(TooManyPictures):
        magnified(ScriptedVLM(limit=0)).ask(PIXELS, QUESTION, k=2)


def test_many_answers_equal_those_one_by_one() -> None:
    vlm = magnified()
    pairs = [(PIXELS, f"{QUESTION} {n}") for n in range(5)]
    together = vlm.ask_many(pairs, batch_size=2)
    assert [answer.text for answer in together] == [vlm.ask(*pair).text for pair in pairs]
    assert [answer.selection.question for answer in together] == [question for _, question in pairs]


@pytest.mark.parametrize("pairs", [["photo.jpg", QUESTION], [(PIXELS, QUESTION, 2)]])
def test_many_needs_pairs(pairs: Any) -> None:
    with pytest.raises(InputError, match="pairs of an image and a question"):
        magnified().ask_many(pairs)


@pytest.mark.parametrize("question", [None, 5, b"red", " ", "cut off: \ud83d"])
@pytest.mark.parametrize("k", [0, 2])
def test_a_question_is_text_that_can_be_sent(question: Any, k: int) -> None:
    with pytest.raises(InputError, match="a question"):
        magnified().ask(PIXELS, question, k=k)


@pytest.mark.parametrize("options", [{"k": "2"}, {"k": 1.5}, {"k": -1}, {"max_tokens": "x"}, {"max_tokens": 1.5}])
def test_numbers_are_whole(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="a whole number"):
        magnified().ask(PIXELS, QUESTION, **options)


def test_a_batch_needs_a_size() -> None:
    with pytest.raises(InputError, match="at least 1, got 0"):
        magnified().ask_many([], batch_size=0)


@pytest.mark.parametrize("limit", [9, 2])
def test_a_stream_knows_what_an_answer_knows(limit: int) -> None:
    vlm = magnified(ScriptedVLM(limit=limit))
    stream, answer = vlm.stream(PIXELS, QUESTION, k=2), vlm.ask(PIXELS, QUESTION, k=2)
    assert "".join(stream) == answer.text
    assert (stream.shown, stream.notes) == (answer.shown, answer.notes)
    assert stream.usage.visual_tokens == answer.usage.visual_tokens


async def _pieces(vlm: VLM) -> list[str]:
    return [piece async for piece in await vlm.stream_async(PIXELS, QUESTION, k=2)]


@pytest.mark.parametrize("limit", [9, 2])
def test_pieces_come_the_same_way_with_and_without_await(limit: int) -> None:
    vlm = magnified(ScriptedVLM(limit=limit))
    expected = list(vlm.stream(PIXELS, QUESTION, k=2))
    assert len(expected) == 3
    assert asyncio.run(_pieces(vlm)) == expected


async def streamed_async(vlm: VLM, **options: Any) -> str:
    return "".join([piece async for piece in await vlm.stream_async(PIXELS, QUESTION, **options)])


@pytest.mark.parametrize(
    "ask",
    [
        lambda vlm, **options: vlm.ask(PIXELS, QUESTION, **options).text,
        lambda vlm, **options: asyncio.run(vlm.ask_async(PIXELS, QUESTION, **options)).text,
        lambda vlm, **options: "".join(vlm.stream(PIXELS, QUESTION, **options)),
        lambda vlm, **options: asyncio.run(streamed_async(vlm, **options)),
    ],
)
def test_the_number_of_tokens_is_passed_on(ask: Callable[..., str]) -> None:
    vlm = magnified(decoding=Decoding(max_tokens=4))
    assert ask(vlm) == "1024"
    assert ask(vlm, max_tokens=6) == "1024x6"


def test_closing_a_stream_ends_the_work_behind_it() -> None:
    adapter = ScriptedVLM()
    stream = magnified(adapter).stream(PIXELS, QUESTION)
    next(iter(stream))
    stream.pieces.close()
    assert adapter.closed == [QUESTION]


def test_closing_an_async_stream_does_too() -> None:
    adapter = ScriptedVLM()

    async def first_alone() -> None:
        stream = await magnified(adapter).stream_async(PIXELS, QUESTION)
        await anext(aiter(stream))
        await stream.pieces.aclose()
        assert adapter.closed == [QUESTION]

    asyncio.run(first_alone())


def test_a_picture_that_the_model_alone_refuses_has_no_cost_to_compare_with() -> None:
    usage = magnified(ScriptedVLM(widest=1100)).ask(PIXELS, QUESTION).usage
    assert usage.anyres_tokens is None
    assert usage.visual_tokens == 300


def test_what_psi_spends_is_part_of_the_cost() -> None:
    @dataclass(frozen=True)
    class Costly(ColorRelevance):
        def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
            return replace(super().embed(image, boxes), vlm_passes=7)

    assert magnified().using(psi=Costly()).ask(PIXELS, QUESTION).usage.vlm_passes == 7
    assert magnified().ask(PIXELS, QUESTION).usage.vlm_passes == 0


def test_psi_may_be_changed_by_object_and_by_name() -> None:
    vlm = magnified()
    assert vlm.using(psi="center").semclip.relevance.name == "center"
    assert vlm.using(psi=ColorRelevance()).semclip.relevance.name == "color"
    assert vlm.using(choice=Choice(k=3)).semclip.relevance is vlm.semclip.relevance


def test_an_answer_is_ready_for_json() -> None:
    answer = magnified().ask(PIXELS, QUESTION, k=1)
    told = answer.to_dict()
    assert told["text"] == str(answer) == answer.text
    assert told["crops_shown"] == 1
    assert told["usage"]["crop_tokens"] == 100
    assert told["selection"] == answer.selection.to_dict()


def test_a_selection_made_already_is_shown_with_another_text() -> None:
    adapter = ScriptedVLM()
    vlm = magnified(adapter)
    selections = vlm.semclip.select_many(PIXELS, [QUESTION, f"{QUESTION} Say it."], k=1)
    answers = vlm.answer(selections, ["Red?\nA. yes\nB. no", "Red?"], max_tokens=4)
    assert [mixture.prompts[0].parts[-1] for mixture in adapter.asked] == ["Red?\nA. yes\nB. no", "Red?"]
    assert [answer.selection for answer in answers] == list(selections)
    assert [answer.text for answer in answers] == ["1024", "1024"]
    assert [len(mixture.prompts[0].pictures) for mixture in adapter.asked] == [2, 2]
    assert vlm.answer([], []) == ()


def test_a_selection_of_no_crops_is_shown_as_the_model_alone_is() -> None:
    adapter = ScriptedVLM()
    vlm = magnified(adapter)
    vlm.answer([vlm.semclip.select(PIXELS, QUESTION, k=0)], ["Red?"])
    (prompt,) = adapter.asked[0].prompts
    assert prompt.tiling
    assert prompt.parts[1] == "Red?"


def test_the_text_is_kept_where_fewer_crops_are_admitted() -> None:
    adapter = ScriptedVLM(limit=2)
    vlm = magnified(adapter)
    (answer,) = vlm.answer([vlm.semclip.select(PIXELS, QUESTION, k=2)], ["Red?"])
    assert [mixture.prompts[0].parts[-1] for mixture in adapter.asked] == ["Red?", "Red?"]
    assert len(answer.shown) == 1


@pytest.mark.parametrize("prompts", [[], ["Red?", "Red?"], [None], ["cut off: \ud83d"]])
def test_each_selection_needs_a_text_that_can_be_sent(prompts: Any) -> None:
    vlm = magnified()
    with pytest.raises(InputError, match=r"a prompt for each|a question"):
        vlm.answer([vlm.semclip.select(PIXELS, QUESTION)], prompts)
