"""The reader that asks a model: its rule, its budget, and models of every kind behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.Image import Image as PILImage

from semclip.adapters.fusion import Showing
from semclip.errors import InputError, ServerRefusal, TooManyPictures
from semclip.geometry import Box, Size
from semclip.logs import Example
from semclip.mining.readers import load_reader
from semclip.mining.readers.vlm import KEPT, By, Seen, VlmReader, reward
from semclip.mining.rewards import POSITIVE, Query, Rewards
from semclip.types import Fusion, Mixture
from semclip.vlm import VLM
from tests.adapters import tiny_vlm
from tests.adapters.loopback import Reply, completion, decoded, refusal, serving
from tests.fakes import ArrayPicture, ScriptedVLM, spotted

SIZE = Size(1200, 800)
PICTURE = ArrayPicture(spotted(SIZE, {Box(0, 0, 200, 100): (255, 0, 0)}))
BOXES = (Box(0, 0, 300, 200), Box(600, 400, 900, 600), Box(0, 0, 1200, 200), Box(0, 0, 250, 150), Box(0, 600, 300, 800))
SHOWS_RED = [True, False, False, True, False]


def redness(pictures: Sequence[PILImage]) -> float:
    """The largest share of red in any of the pictures."""
    return max(float((np.asarray(one, np.int64) @ [1, -1, -1] > 100).mean()) for one in pictures)


def sees_red(pictures: Sequence[PILImage]) -> str:
    return "It is red." if redness(pictures) > 0.25 else "grey"


def never_sees(_pictures: Sequence[PILImage]) -> str:
    return "grey"


def always_sees(_pictures: Sequence[PILImage]) -> str:
    return "it is red"


@dataclass(frozen=True)
class LikelyRed:
    """Finds any text the likelier the redder a picture is; keeps what it was asked."""

    asked: list[Mixture] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __call__(self, mixtures: Sequence[Mixture], text: str) -> list[float]:
        self.asked.extend(mixtures)
        self.texts.append(text)
        return [4 * redness(mixture.prompts[0].pictures) - 5 for mixture in mixtures]


def query(
    tries: Sequence[int] = range(5), answers: Sequence[str] = ("It is red", "it is red"), spare: int = 1
) -> Query:
    """Of BOXES, with `spare` passes for the overview: boxes that are not there to be tried come last."""
    example = Example("a", Path("a.png"), "What color is it?", answers=tuple(answers))
    boxes = BOXES + tuple(Box(0, 0, 1, 1 + number) for number in range(spare))
    return Query(example, boxes, (*tries, *range(len(BOXES), len(boxes))))


def scripted(says: Callable[[Sequence[PILImage]], str], by: By = "answer") -> VlmReader:
    return VlmReader(VLM(ScriptedVLM(says=says)), "scripted", LikelyRed(), by)


def looked(reader: VlmReader, *queries: Query) -> list[Rewards]:
    found = []
    for one in reader(PICTURE, queries):
        assert isinstance(one, Rewards)
        found.append(one)
    return found


@pytest.mark.parametrize(("by", "spare"), [("answer", 1), ("likelihood", 1), ("both", 7)])
def test_crops_that_hold_the_evidence_are_the_positives(by: By, spare: int) -> None:
    (one,) = looked(scripted(sees_red, by), query(spare=spare))
    assert (one.values[:5] >= POSITIVE).tolist() == SHOWS_RED
    assert np.isnan(one.values[5:]).all()
    assert one.values.dtype == np.float32


def test_what_a_model_never_sees_is_no_positive_and_what_it_always_sees_needs_no_crop() -> None:
    assert looked(scripted(never_sees), query())[0].values[:5].tolist() == [0] * 5
    assert looked(scripted(always_sees), query())[0].values[:5].tolist() == [KEPT] * 5


def test_the_likelihood_may_rise_clearly_before_the_answer_turns_right() -> None:
    (one,) = looked(scripted(never_sees, "both"), query(spare=7))
    assert (one.values[:5] >= POSITIVE).tolist() == SHOWS_RED
    assert one.values[0] < looked(scripted(sees_red, "both"), query(spare=7))[0].values[0]


def test_the_model_is_shown_the_overview_first_and_then_a_crop_beside_it() -> None:
    adapter = ScriptedVLM(says=sees_red)
    looked(VlmReader(VLM(adapter), "scripted"), query(tries=[3, 1]))
    alone, *aided = adapter.asked
    assert [picture.size for picture in alone.prompts[0].pictures] == [(1024, 683)]
    for mixture, index in zip(aided, (3, 1), strict=True):
        _, crop = mixture.prompts[0].pictures
        assert (np.asarray(crop) == PICTURE.crop(BOXES[index])).all()
        assert mixture.prompts[0].text.endswith("What color is it?")


def test_crops_are_shown_as_the_vlm_shows_them() -> None:
    adapter = ScriptedVLM(says=sees_red)
    reader = VlmReader(VLM(adapter, showing=Showing(fusion="ensemble")), "scripted")
    looked(reader, query())
    assert [len(mixture.prompts) for mixture in adapter.asked] == [1, 2, 2]
    assert reader.fingerprint != VlmReader(VLM(adapter), "scripted").fingerprint


@given(st.lists(st.integers(0, 4), min_size=1, unique=True), st.integers(0, 3), st.sampled_from(["answer", "both"]))
def test_a_row_never_costs_more_passes_than_its_budget(tries: list[int], spare: int, by: Any) -> None:
    adapter, likely = ScriptedVLM(), LikelyRed()
    asked = query(tries, spare=spare)
    (one,) = VlmReader(VLM(adapter), "scripted", likely, by, batch_size=2)(PICTURE, [asked])
    spent = len(adapter.asked) + len(likely.asked)
    assert spent <= len(asked.tries)
    if isinstance(one, Rewards):
        assert one.passes == spent
        per_look = 2 if by == "both" else 1
        tried = np.flatnonzero(~np.isnan(one.values)).tolist()
        assert tried == sorted(asked.tries[: spent // per_look - 1])
        assert len(asked.tries) - spent < per_look
    else:
        assert spent == 0
        assert len(asked.tries) < (4 if by == "both" else 2)


def test_the_likelihood_is_that_of_the_usual_answer() -> None:
    likely = LikelyRed()
    reader = VlmReader(VLM(ScriptedVLM()), "scripted", likely, "likelihood")
    looked(reader, query(answers=["crimson", "red", "", "", "", "red"]))
    assert set(likely.texts) == {"red"}


def test_the_likelihood_is_that_of_the_answer_as_the_model_would_write_it() -> None:
    likely, alone = LikelyRed(), list[Mixture]()

    def spell(mixture: Mixture, texts: Sequence[str]) -> list[str]:
        alone.append(mixture)
        return [f" {text}" for text in texts]

    reader = replace(scripted(sees_red, "likelihood"), likelihood=likely, spell=spell)
    assert reader.least_passes == 3
    (one,) = looked(reader, query(spare=2, answers=["red"]))
    assert one.passes == 7
    assert set(likely.texts) == {" red"}
    assert alone == likely.asked[:1]
    assert (one.values[:5] >= POSITIVE).tolist() == SHOWS_RED
    by_answers = replace(reader, by="answer")
    assert by_answers.least_passes == 2
    assert looked(by_answers, query())[0].passes == 6
    assert len(alone) == 1


@pytest.mark.parametrize("answers", [[], [" "]])
def test_a_question_without_an_answer_is_refused_and_others_are_not(answers: list[str]) -> None:
    refused, one = scripted(sees_red)(PICTURE, [query(answers=answers), query()])
    assert isinstance(refused, InputError)
    assert "needs an answer" in str(refused)
    assert isinstance(one, Rewards)


def test_what_no_look_could_be_had_for_is_refused() -> None:
    (refused,) = scripted(sees_red)(PICTURE, [query(tries=[0], spare=0)])
    assert "as many crops to try as the least passes, 2, got 1 of 1200x800" in str(refused)
    tight = VlmReader(VLM(ScriptedVLM(), showing=Showing(max_visual_tokens=100)), "scripted")
    (refused,) = tight(PICTURE, [query()])
    assert "room for a crop" in str(refused)


@pytest.mark.parametrize(("by", "fusion", "least"), [("answer", "append", 2), ("both", "ensemble", 6)])
def test_the_least_passes_are_those_of_one_crop(by: By, fusion: Fusion, least: int) -> None:
    reader = VlmReader(VLM(ScriptedVLM(), showing=Showing(fusion=fusion)), "scripted", LikelyRed(), by)
    assert reader.least_passes == least
    too_few, one = reader(PICTURE, [query(range(least - 1), spare=0), query(range(least), spare=max(0, least - 5))])
    assert isinstance(too_few, InputError)
    assert isinstance(one, Rewards)
    assert one.passes == least


def test_a_model_that_takes_one_picture_only_ends_the_job() -> None:
    with pytest.raises(TooManyPictures):
        list(VlmReader(VLM(ScriptedVLM(limit=1)), "scripted")(PICTURE, [query()]))


def test_unusable_options_are_refused() -> None:
    vlm = VLM(ScriptedVLM())
    with pytest.raises(InputError, match="answer, likelihood, both, got 'taste'"):
        VlmReader(vlm, "scripted", LikelyRed(), "taste")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="reward both needs likelihoods, scripted gives none"):
        VlmReader(vlm, "scripted", by="both")
    with pytest.raises(InputError, match="batch_size needs to be at least 1, got 0"):
        VlmReader(vlm, "scripted", batch_size=0)


def test_what_decides_the_rewards_tells_readers_apart() -> None:
    one = scripted(sees_red)
    made = [one, replace(one, identity="another"), replace(one, by="both"), replace(one, by="likelihood")]
    assert len({reader.fingerprint for reader in made}) == len(made)
    assert replace(one, batch_size=3).fingerprint == one.fingerprint


seen = st.builds(Seen, st.booleans() | st.none(), st.floats(-50, 0) | st.none())


@given(seen, seen)
def test_a_reward_is_never_outside_0_to_1_and_a_right_answer_lost_is_worth_nothing(alone: Seen, aided: Seen) -> None:
    assert 0 <= reward(alone, aided) <= 1
    if alone.right and not aided.right:
        assert reward(alone, aided) == 0


@given(seen, st.floats(-50, 0), st.floats(0, 50))
def test_a_likelier_answer_is_worth_no_less(alone: Seen, likelihood: float, more: float) -> None:
    for right in (None, False, True):
        lower, higher = Seen(right, likelihood), Seen(right, likelihood + more)
        assert reward(alone, lower) <= reward(alone, higher)


@given(seen)
def test_a_crop_is_positive_where_it_turns_the_answer_right_and_not_where_it_changes_nothing(one: Seen) -> None:
    assert reward(one, one) < POSITIVE
    assert reward(replace(one, right=False), replace(one, right=True)) >= POSITIVE


@pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)
def test_every_family_is_read_in_the_passes_it_says(vlm_folder: Callable[[str], Path], family: str) -> None:
    from semclip.mining.readers.vlm import in_memory, load
    from tests.relevance.vlm.passes import counted, state

    reader = load(str(vlm_folder(family)))
    model: Any = reader.vlm.adapter.model  # type: ignore[attr-defined]
    asked = [query(spare=6), query([1, 0], spare=5)]
    (alone,) = looked(reader, asked[1])
    before = state(model)
    with counted(model) as rows:
        first, second = looked(reader, *asked)
    in_ensemble = reader.vlm.adapter.style.fusion == "ensemble"
    assert sum(rows) == first.passes + second.passes == 11 + 7
    assert np.flatnonzero(~np.isnan(first.values)).tolist() == ([0, 1] if in_ensemble else [0, 1, 2, 3])
    assert len(set(first.values[:2].tolist())) > 1
    assert state(model) == before
    assert in_memory(reader.vlm).fingerprint == reader.fingerprint
    assert alone.values.tobytes() == second.values.tobytes()


def test_crops_are_shown_as_asked_for(vlm_folder: Callable[[str], Path]) -> None:
    name = f"vlm:{vlm_folder('llava')}"
    readers = [load_reader(name), load_reader(name, fusion="ensemble"), load_reader(name, fusion="append")]
    usual, alike, apart = (one for reader in readers for one in reader(PICTURE, [query(spare=6)]))
    assert isinstance(usual, Rewards)
    assert isinstance(alike, Rewards)
    assert isinstance(apart, Rewards)
    assert usual.values.tobytes() == alike.values.tobytes()
    assert np.isnan(usual.values).sum() > np.isnan(apart.values).sum()
    assert readers[0].fingerprint != readers[2].fingerprint


def test_a_gain_is_the_difference_of_likelihoods(vlm_folder: Callable[[str], Path]) -> None:
    from semclip.adapters.chat.forcing import as_written, log_likelihoods

    reader = load_reader(f"vlm:{vlm_folder('qwen2_5_vl')}", reward="likelihood")
    assert isinstance(reader, VlmReader)
    adapter: Any = reader.vlm.adapter
    shown = list[Mixture]()

    def noted(mixtures: Sequence[Mixture], text: str) -> list[float]:
        shown.extend(mixtures)
        return log_likelihoods(adapter, mixtures, text)

    (one,) = looked(replace(reader, likelihood=noted), query(spare=2))
    (answer,) = as_written(adapter, shown[0], ["It is red"])
    alone, *aided = (log_likelihoods(adapter, [mixture], answer)[0] for mixture in shown)
    alone, *odds = (likelihood - np.log1p(-np.exp(likelihood)) for likelihood in (alone, *aided))
    expected = [1 / (1 + np.exp(-(value - alone - 1) / 0.5)) for value in odds]
    np.testing.assert_allclose(one.values[:5], expected, atol=1e-3)


def test_a_server_is_judged_by_its_answers() -> None:
    def answers(body: dict[str, Any]) -> Reply:
        parts = [part for message in body["messages"] for part in message["content"]]
        return completion(
            sees_red([decoded(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"])
        )

    with serving(answers) as log:
        reader = load_reader(f"server:{log.base_url}#tiny")
        (one,) = reader(PICTURE, [query()])
    assert isinstance(one, Rewards)
    assert (one.values[:5] >= POSITIVE).tolist() == SHOWS_RED
    assert one.passes == len(log.asked) == 6
    assert {body["model"] for body in log.asked} == {"tiny"}
    assert {body["temperature"] for body in log.asked} == {0}


def test_a_server_that_fails_ends_the_job_not_the_row() -> None:
    from semclip.errors import ServerError

    with serving([refusal(500, {"error": "out of order"})]) as log, pytest.raises(ServerError):
        list(load_reader(f"server:{log.base_url}#tiny")(PICTURE, [query()]))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_question_that_a_server_refuses_is_refused_alone(status: int) -> None:
    def answers(body: dict[str, Any]) -> Reply:
        if "poison" in str(body["messages"]):
            return refusal(status, {"error": {"message": "this is more than the context takes"}})
        return completion("grey")

    good = query()
    poison = replace(good, example=replace(good.example, question="poison?"))
    with serving(answers) as log:
        first, refused, last = load_reader(f"server:{log.base_url}#tiny")(PICTURE, [good, poison, good])
    assert isinstance(first, Rewards)
    assert isinstance(last, Rewards)
    assert isinstance(refused, InputError)
    assert f"refused with HTTP {status}: this is more than" in str(refused)


@pytest.mark.parametrize(
    "reply",
    [
        refusal(401, {"error": "who are you"}),
        refusal(400, {"error": {"message": "the model tiny does not exist"}}),
    ],
)
def test_a_server_that_would_refuse_every_question_ends_the_job(reply: Reply) -> None:
    with serving(lambda _: reply) as log, pytest.raises(ServerRefusal):
        list(load_reader(f"server:{log.base_url}#tiny")(PICTURE, [query()]))


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/v1", "#tiny", "http://127.0.0.1:1/v1#"])
def test_a_server_needs_an_address_and_a_model(address: str) -> None:
    with pytest.raises(InputError, match="URL#MODEL"):
        load_reader(f"server:{address}")


def test_likelihoods_are_not_read_of_a_server() -> None:
    from semclip.mining.readers.vlm import in_memory

    with pytest.raises(InputError, match="behind a server"):
        in_memory(VLM(ScriptedVLM()))
    address = "server:http://127.0.0.1:1/v1#tiny"
    with pytest.raises(InputError, match="reward both needs likelihoods, tiny gives none; use answer"):
        load_reader(address, reward="both")
    assert load_reader(address, reward="answer").fingerprint == load_reader(address).fingerprint
