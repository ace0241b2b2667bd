"""SemClip: from a picture and a question to a selection, and how often it encodes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semclip import images
from semclip.cache import DiskCache, MemoryCache, region_key
from semclip.errors import ImageError, InputError, ModelError
from semclip.geometry import Box, Size, coverage
from semclip.pipeline import SemClip
from semclip.proposals import Grid, grid, pyramid
from semclip.relevance.baselines import Center
from semclip.selection import Choice, Gate, peak
from semclip.types import Floats, Picture, Pixels, Regions, Weighed
from tests.fakes import ColorRelevance, spotted

SIZE = Size(120, 80)
RED, BLUE = Box(0, 0, 20, 20), Box(100, 60, 120, 80)
PIXELS = spotted(SIZE, {RED: (255, 0, 0), BLUE: (0, 0, 255)})


@dataclass(frozen=True)
class Unusable:
    """A ψ that gives what no ψ may give."""

    scores: Floats
    name: str = "unusable"
    fingerprint: str = "bad"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return Center().embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return self.scores


@dataclass(frozen=True)
class Piecemeal:
    """A ψ that sees the evidence in two halves of the picture; the left one twice as sure. `worth` overrides it."""

    worth: Floats | None = None
    name: str = "piecemeal"
    fingerprint: str = "b175"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return Center().embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return self.weigh(question, regions).scores

    def weigh(self, question: str, regions: Regions, /) -> Weighed:
        left = np.array([box.right <= regions.size.width // 2 for box in regions.boxes])
        worth = np.stack([2.0 * left, 1.0 * ~left])
        return Weighed(worth.sum(0), worth if self.worth is None else self.worth)


@dataclass(frozen=True)
class LooksAgain:
    """A ψ that needs the picture when it scores, and keeps it in its regions, as it may."""

    name: str = "looks again"
    fingerprint: str = "a9a1"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return replace(Center().embed(image, boxes), picture=image, vlm_passes=2)

    def score(self, question: str, regions: Regions, /) -> Floats:
        assert regions.picture is not None
        return np.array([regions.picture.crop(box)[..., 0].mean() for box in regions.boxes])


@pytest.fixture
def png(tmp_path: Path) -> Path:
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_box_chosen_shows_what_was_asked_for() -> None:
    for question, target in (("the red one", RED), ("the blue one", BLUE)):
        best = SemClip(ColorRelevance()).select(PIXELS, question, k=1).boxes[0]
        assert coverage(target, by=best) == 1


def test_a_path_and_the_same_array_are_answered_alike(png: Path) -> None:
    semclip = SemClip(ColorRelevance())
    from_path, from_array = semclip.select(png, "red"), semclip.select(PIXELS, "red")
    assert from_path.boxes == from_array.boxes
    assert from_path.image == str(png)
    assert from_array.image == from_array.picture.digest


def test_any_kind_of_path_names_the_image(png: Path) -> None:
    (entry,) = os.scandir(png.parent)
    assert SemClip(Center()).select(entry, "red").image == str(png)


def test_questions_on_one_image_encode_it_once(png: Path) -> None:
    psi = ColorRelevance()
    semclip = SemClip(psi)
    semclip.select(png, "red")
    semclip.select(png, "blue", k=4)
    semclip.select_many(images.load(png), ["green", "red"])
    semclip.embed(png)
    assert len(psi.encoded) == 1


def test_another_image_of_the_same_name_is_encoded(png: Path) -> None:
    psi = ColorRelevance()
    semclip = SemClip(psi)
    semclip.select(png, "red")
    Image.fromarray(255 - PIXELS).save(png)
    semclip.select(png, "red")
    assert len(psi.encoded) == 2


def test_a_disk_cache_outlives_its_pipeline(png: Path, tmp_path: Path) -> None:
    psi = ColorRelevance()
    first = SemClip(psi, cache=DiskCache(tmp_path / "cache")).select(png, "red")
    second = SemClip(psi, cache=DiskCache(tmp_path / "cache")).select(png, "red")
    assert len(psi.encoded) == 1
    assert first.considered == second.considered


def test_a_psi_may_look_again_and_no_cache_keeps_what_it_looks_at() -> None:
    cache = MemoryCache()
    semclip = SemClip(LooksAgain(), cache=cache)
    first, again = semclip.select(PIXELS, "red"), semclip.select(PIXELS, "red")
    assert first.considered == again.considered
    assert first.made_by.vlm_passes == again.made_by.vlm_passes == 2
    picture = first.picture
    kept = cache.get(region_key(picture, LooksAgain(), pyramid, pyramid(SIZE)))
    assert kept is not None
    assert kept.picture is None


def test_what_a_psi_has_shown_already_is_not_chosen_again() -> None:
    chosen = SemClip(Piecemeal(), Grid(4, 2), choice=Choice(k=2)).select(PIXELS, "Where?").chosen
    assert [one.box.left < SIZE.width // 2 for one in chosen] == [True, False]
    assert [one.score for one in chosen] == [2.0, 1.0]


def test_worth_of_other_boxes_is_refused() -> None:
    with pytest.raises(ModelError, match=r"piecemeal needs 8 columns of worth, gave shape \(2, 3\)"):
        SemClip(Piecemeal(np.ones((2, 3))), Grid(4, 2)).select(PIXELS, "Where?")


def test_with_k_0_nothing_is_considered() -> None:
    psi = ColorRelevance()
    selection = SemClip(psi).select(PIXELS, "red", k=0)
    assert selection.chosen == selection.considered == ()
    assert psi.encoded == []
    assert selection.made_by.k == 0


def test_a_selection_says_what_made_it() -> None:
    selection = SemClip(ColorRelevance(), grid, Choice(k=3, max_visual_tokens=9000)).select(PIXELS, "red", k=1)
    maker = selection.made_by
    assert (maker.psi, maker.fingerprint, maker.proposer) == ("color", "c0105", grid.name)
    assert (maker.k, maker.max_visual_tokens) == (1, 9000)
    assert len(selection.considered) == len(grid(SIZE))
    assert len(selection.chosen) == 1


def test_a_gate_lets_crops_pass_only_where_something_stands_out() -> None:
    open_gate = SemClip(ColorRelevance()).select(PIXELS, "red")
    threshold = peak(open_gate.considered)
    gate = Gate(threshold, ColorRelevance().fingerprint, pyramid.name)
    semclip = SemClip(ColorRelevance(), choice=Choice(gate=gate))
    found, missing = semclip.select_many(PIXELS, ["red", "nothing that is known"])
    assert found.chosen == open_gate.chosen
    assert missing.chosen == ()
    assert len(missing.considered) == len(pyramid(SIZE))
    expected = {"statistic": "peak", "threshold": threshold, "value": 0.0, "open": False}
    assert missing.to_dict()["made_by"]["gate"] == expected
    assert "gate closed" in str(missing)
    assert "gate closed" not in str(found)


def test_with_k_0_no_gate_is_asked() -> None:
    gate = Gate(1, ColorRelevance().fingerprint, pyramid.name)
    selection = SemClip(ColorRelevance(), choice=Choice(gate=gate)).select(PIXELS, "red", k=0)
    assert selection.to_dict()["made_by"]["gate"] is None


@pytest.mark.parametrize(
    "gate", [Gate(0.5, "another", pyramid.name), Gate(0.5, ColorRelevance().fingerprint, grid.name)]
)
def test_a_gate_serves_what_it_was_calibrated_for_alone(gate: Gate) -> None:
    with pytest.raises(InputError, match="a gate needs to be calibrated for color c0105"):
        SemClip(ColorRelevance(), choice=Choice(gate=gate))


def test_one_text_is_no_list_of_questions() -> None:
    with pytest.raises(InputError, match="a list of questions"):
        SemClip(ColorRelevance()).select_many(PIXELS, "red")


@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question_is_refused(question: str) -> None:
    with pytest.raises(InputError, match="question"):
        SemClip(ColorRelevance()).select(PIXELS, question)


def test_no_picture_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        SemClip(ColorRelevance()).select(tmp_path / "nothing.png", "red")


@pytest.mark.parametrize(
    "scores", [np.zeros(3), np.zeros((len(pyramid(SIZE)), 1)), np.full(len(pyramid(SIZE)), np.nan)]
)
def test_unusable_scores_are_refused(scores: Floats) -> None:
    with pytest.raises(ModelError, match="score"):
        SemClip(Unusable(scores)).select(PIXELS, "red")


@pytest.mark.parametrize("pixels", [PIXELS[:1, :1], PIXELS[:1], PIXELS[:, :2]])
def test_the_smallest_pictures_are_answered(pixels: Pixels) -> None:
    assert SemClip(ColorRelevance()).select(np.ascontiguousarray(pixels), "red").chosen
