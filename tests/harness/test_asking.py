"""What the plugins share: which model is opened, what ψ and the model read, order, and pictures in any number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from semclip.errors import InputError, TooManyPictures
from semclip.geometry import Box, Size
from semclip.harness.asking import Part, Setup, batches, complete, cut
from semclip.pipeline import SemClip
from semclip.proposals import grid
from semclip.selection import Choice
from semclip.types import Decoding, Floats, Prompt, Regions
from semclip.vlm import VLM
from tests.adapters.loopback import completion, serving
from tests.fakes import ColorRelevance, ScriptedVLM, spotted

PICTURE = Image.fromarray(spotted(Size(1200, 800), {Box(0, 0, 300, 200): (255, 0, 0)}))
PROMPT = "Where is the red?\nA. on the left\nB. green\nAnswer with the letter."
DECODING = Decoding(max_tokens=50)


@dataclass(frozen=True)
class Listening(ColorRelevance):
    """ColorRelevance that keeps the questions which it is asked."""

    heard: list[str] = field(default_factory=list, compare=False)

    def score(self, question: str, regions: Regions, /) -> Floats:
        self.heard.append(question)
        return super().score(question, regions)


def magnified(adapter: ScriptedVLM, *, k: int = 2) -> VLM:
    return VLM(adapter, SemClip(Listening(), grid, Choice(k=k)))


def asked(adapter: ScriptedVLM) -> list[Prompt]:
    return [mixture.prompts[0] for mixture in adapter.asked]


def test_psi_is_asked_the_bare_question_and_the_model_the_whole_prompt() -> None:
    adapter, psi = ScriptedVLM(), Listening()
    (answer,) = complete(VLM(adapter, SemClip(psi, grid)), [[PICTURE, PROMPT]], DECODING)
    (prompt,) = asked(adapter)
    assert psi.heard == ["Where is the red?"]
    assert prompt.parts[-1] == PROMPT
    assert len(prompt.pictures) == 3
    assert answer.text.startswith("1024x683 ")
    assert (answer.visual_tokens, answer.completion_tokens) == (300, 3)


def test_with_k_0_the_model_reads_the_picture_and_the_prompt() -> None:
    adapter = ScriptedVLM()
    complete(magnified(adapter, k=0), [[PICTURE, PROMPT]], DECODING)
    (prompt,) = asked(adapter)
    assert prompt.tiling
    assert [part if isinstance(part, str) else part.size for part in prompt.parts] == [(1200, 800), PROMPT]


def test_texts_around_a_picture_follow_it_a_line_each() -> None:
    adapter = ScriptedVLM()
    complete(magnified(adapter), [["Look.", PICTURE, "Where is the red?"]], DECODING)
    assert asked(adapter)[0].parts[-1] == "Look.\nWhere is the red?"


def test_a_prompt_with_no_picture_or_several_goes_to_the_model_as_it_is(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "photo.png")
    adapter = ScriptedVLM()
    parts: list[Part] = ["First", PICTURE, "or second", tmp_path / "photo.png", "?"]
    texts = [one.text for one in complete(magnified(adapter), [["Who?"], parts], DECODING)]
    assert texts == ["", "1200x800 1200x800"]
    assert [len(prompt.pictures) for prompt in asked(adapter)] == [0, 2]
    assert asked(adapter)[1].text == "First\nor second\n?"


def test_completions_come_in_the_order_of_the_prompts() -> None:
    prompts: list[list[Part]] = [
        ["Who?"],
        [PICTURE, PROMPT],
        [PICTURE, PICTURE, "Which?"],
        [PICTURE, "Where is the green?"],
    ]
    together = complete(magnified(ScriptedVLM()), prompts, DECODING)
    alone = [complete(magnified(ScriptedVLM()), [parts], DECODING)[0] for parts in prompts]
    assert together == alone
    assert complete(magnified(ScriptedVLM()), [], DECODING) == []


def test_decoding_is_what_is_asked_for() -> None:
    (answer,) = complete(magnified(ScriptedVLM()), [[PICTURE, PROMPT]], Decoding(max_tokens=4))
    assert answer.text == "1024"


def test_several_pictures_that_a_server_does_not_admit_are_an_error() -> None:
    with pytest.raises(TooManyPictures):
        complete(magnified(ScriptedVLM(limit=1)), [[PICTURE, PICTURE, "Which?"]], DECODING)


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((), "a bus\n\nor a car"),
        (("\n\n", "bus"), "a "),
        (("",), "a bus\n\nor a car"),
        (("tram",), "a bus\n\nor a car"),
    ],
)
def test_text_ends_before_the_first_of_the_strings(ends: Sequence[str], text: str) -> None:
    assert cut("a bus\n\nor a car", ends) == text


def test_batches_hold_every_place_once_and_equal_keys_only() -> None:
    keys = ["b", "a", "b", "b", "a"]
    made = list(batches(keys, 2))
    assert sorted(place for places in made for place in places) == list(range(5))
    assert all(len(places) <= 2 and len({keys[place] for place in places}) == 1 for places in made)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "model is needed"),
        ({"model": "m", "crops": 2}, "got model, crops"),
        ({"model": "m", "batch_size": "auto"}, "batch_size needs to be a whole number"),
        ({"model": "m", "batch_size": 0}, "batch_size needs to be a whole number"),
        (
            {"model": "m", "base_url": "http://127.0.0.1:1/v1", "dtype": "float32"},
            "dtype can only be given for a model in",
        ),
        ({"model": "m", "family": "qwen2.5-vl"}, "family can only be given for a model behind a server"),
    ],
)
def test_options_that_name_no_model_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Setup.of(options)


@pytest.mark.parametrize("options", [{"k": -1}, {"psi": "none"}, {"fusion": "mosaic"}, {"gate": "none.json"}])
def test_terms_are_refused_before_the_model_is_loaded(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Setup.of({"model": "no/such-model", **options}).open()


def test_a_server_is_asked_side_by_side_with_budget_and_family() -> None:
    with serving([completion("A")]) as server:
        options = {"base_url": server.base_url, "family": "qwen2.5-vl", "psi": "center", "k": 1, "timeout_s": 60}
        vlm = Setup.of({"model": "some/model", "batch_size": 3, "max_visual_tokens": 900, **options}).open()
        answers = complete(vlm, [[PICTURE, PROMPT]] * 3, vlm.decoding)
    assert [one.text for one in answers] == ["A", "A", "A"]
    assert all(one.visual_tokens is not None and one.visual_tokens <= 900 for one in answers)
    assert [len(server.pictures(number)) for number in range(3)] == [2, 2, 2]
    assert {(body["model"], body["max_tokens"]) for body in server.asked} == {("some/model", 1024)}


def test_a_model_in_memory_may_score_the_crops_itself(vlm_folder: Callable[[str], Path]) -> None:
    folder = str(vlm_folder("qwen2_5_vl"))
    vlm = Setup.of({"model": folder, "device": "cpu", "psi": "vlm:embedding", "k": 1, "max_tokens": 4}).open()
    small = PICTURE.resize((120, 80))
    first, second, third = complete(vlm, [[small, PROMPT], ["Who?"], [small, small, "Which?"]], vlm.decoding)
    assert vlm.semclip.relevance.name.startswith("vlm:embedding")
    assert first.visual_tokens
    assert second.visual_tokens == 0
    assert third.visual_tokens
    assert all(one.completion_tokens == 4 for one in (first, second, third))
