"""The names of strategies, and the crops that each of them shows."""

from __future__ import annotations

from typing import Any

import pytest

from semclip import images
from semclip.errors import InputError
from semclip.evaluation.answers.protocol import AnswerConfig
from semclip.evaluation.answers.strategies import (
    ABOUT,
    Spec,
    Strategy,
    bind,
    evenly,
    load_psis,
    parse,
    parse_all,
)
from semclip.geometry import Box, coverage
from semclip.pipeline import SemClip
from semclip.proposals import pyramid
from semclip.relevance.baselines import tile_boxes
from semclip.types import Style
from semclip.vlm import VLM
from tests.evaluation.answers.making import SIZE, item
from tests.fakes import ColorRelevance, ScriptedVLM

ITEM = item(0)
PICTURE = images.load(ITEM.image)


def bound(name: str, *, style: Style = Style(), **changes: Any) -> Strategy:
    vlm = VLM(ScriptedVLM(style=style), SemClip(ColorRelevance()))
    return bind(parse(name), vlm, AnswerConfig(**changes), {"color": ColorRelevance()})


def boxes(name: str, **changes: Any) -> list[tuple[Box, ...]]:
    return [selection.boxes for selection in bound(name, **changes).tries(PICTURE, ITEM)]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("overview", Spec("overview", "overview")),
        ("tiles@montage", Spec("tiles@montage", "tiles", fusion="montage")),
        ("random/4", Spec("random/4", "random", k=4)),
        ("embedded", Spec("embedded", "psi", "embedded")),
        ("embedded/1@ensemble", Spec("embedded/1@ensemble", "psi", "embedded", 1, "ensemble")),
        ("embedded/2@pairs", Spec("embedded/2@pairs", "psi", "embedded", 2, "pairs")),
        ("vlm:attention", Spec("vlm:attention", "psi", "vlm:attention")),
        ("hub:o/n@main", Spec("hub:o/n@main", "psi", "hub:o/n@main")),
        ("psi/4/2", Spec("psi/4/2", "psi", "psi/4", 2)),
        ("psi/2,.25@montage", Spec("psi/2,.25@montage", "psi", "psi", 2, "montage", gain=0.25)),
        ("open_clip:ViT-B-32/openai", Spec("open_clip:ViT-B-32/openai", "psi", "open_clip:ViT-B-32/openai")),
        ("best", Spec("best", "best")),
        ("best:12", Spec("best:12", "best", most=12)),
    ],
)
def test_a_name_says_what_is_shown(name: str, spec: Spec) -> None:
    assert parse(name) == spec


@pytest.mark.parametrize(
    "name",
    [
        "",
        "overview/2",
        "overview@montage",
        "blind@append",
        "tiles/2",
        "embedded/0",
        "random/2,0.5",
        "best:0",
        "best:x",
        "best:",
    ],
)
def test_a_name_that_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        parse(name)


@pytest.mark.parametrize("names", [[], ["overview", "overview"]])
def test_strategies_are_there_and_different(names: list[str]) -> None:
    with pytest.raises(InputError, match="one or more different strategies"):
        parse_all(names)


def test_only_psi_are_loaded_and_each_once() -> None:
    psis = load_psis(parse_all(["overview", "center", "vlm:attention", "vlm:attention/1"]))
    assert psis == {"vlm:attention": "vlm:attention"}
    with pytest.raises(InputError, match="psi needs one of"):
        load_psis(parse_all(["nothing"]))


def test_the_baselines_show_what_they_say() -> None:
    assert boxes("overview") == boxes("native") == boxes("blind") == [()]
    assert boxes("tiles") == [tile_boxes(SIZE)]
    assert boxes("center") == [(Box(40, 30, 120, 90),)]
    assert [len(shown) for shown in boxes("random/3")] == [3]
    assert boxes("random") == boxes("random", seed=0) != boxes("random", seed=1)


def test_psi_reads_the_bare_question() -> None:
    (selection,) = bound("color/1").tries(PICTURE, ITEM)
    assert selection.question == ITEM.question
    assert coverage(ITEM.evidence[0], by=selection.boxes[0]) == 1


def test_the_model_alone_is_asked_with_its_own_tiling_and_the_overview_without() -> None:
    (native,), (overview,) = (tuple(bound(name).tries(PICTURE, ITEM)) for name in ("native", "overview"))
    assert bound("native").vlm.view(native, "?").mixture.prompts[0].tiling
    assert not bound("overview").vlm.view(overview, "?").mixture.prompts[0].tiling


def test_the_oracle_shows_the_candidate_that_fits_each_evidence_box_best() -> None:
    (shown,) = boxes("oracle")
    assert len(shown) == 1
    assert coverage(ITEM.evidence[0], by=shown[0]) >= 0.9
    strategy = bound("oracle/2")
    several = item(0, evidence=(Box(0, 0, 9, 9), Box(1, 1, 8, 8), Box(140, 100, 150, 110), Box(60, 60, 70, 70)))
    (selection,) = strategy.tries(PICTURE, several)
    assert len(selection.boxes) == 2
    assert coverage(several.evidence[2], by=selection.boxes[1]) >= 0.9


def test_without_evidence_the_oracle_shows_the_overview() -> None:
    (selection,) = bound("oracle").tries(PICTURE, item(0, evidence=()))
    assert selection.boxes == ()


def test_a_gain_is_the_choices() -> None:
    assert bound("color/4,0.5").vlm.semclip.choice.min_gain == 0.5
    assert bound("color/4,0.5").fingerprint != bound("color/4").fingerprint
    assert bound("color/4").fingerprint == bound("color", k=4).fingerprint


def test_evidence_outside_the_picture_is_an_error() -> None:
    with pytest.raises(InputError, match="inside the picture of 160x120"):
        tuple(bound("oracle").tries(PICTURE, item(0, evidence=(Box(0, 0, 161, 9),))))


def test_best_shows_the_overview_and_then_each_candidate() -> None:
    candidates = pyramid(SIZE)
    assert boxes("best") == [(), *((box,) for box in candidates)]
    assert boxes("best:3") == [(), *((box,) for box in evenly(candidates, 3))]


def test_evenly_keeps_order_and_ends() -> None:
    assert evenly(range(100), 5) == [0, 25, 50, 74, 99]
    assert evenly(range(3), 1) == [0]
    assert evenly([], 2) == []


def test_a_fingerprint_is_of_what_is_shown_and_of_nothing_else() -> None:
    same = [("color", "color/2"), ("color", "color@append"), ("overview", "overview")]
    assert all(bound(one).fingerprint == bound(other).fingerprint for one, other in same)
    assert bound("overview", k=1).fingerprint == bound("overview", k=4).fingerprint
    names = [*ABOUT, "color", "color/1", "color@montage", "random/1", "best:2", "best:3", "tiles@ensemble"]
    assert len({bound(name).fingerprint for name in names}) == len(names)
    assert bound("random", seed=1).fingerprint != bound("random").fingerprint
    assert bound("overview", style=Style(overview_px=300)).fingerprint != bound("overview").fingerprint
    assert bound("color", style=Style("montage")).fingerprint != bound("color").fingerprint
