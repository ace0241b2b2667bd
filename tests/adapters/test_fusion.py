"""Fusion: plans keep their budgets, and prompts show the pixels that were planned."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.Image import Image as PILImage

from semclip.adapters.budget import framed
from semclip.adapters.fusion import Plan, Showing, crop_weights, fuse, mixing_weights, plain, plan
from semclip.adapters.montage import NEUTRAL
from semclip.adapters.tokens import fixed_tokens, patch_tokens
from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.prompts import Wording
from semclip.selection import CountTokens, Selection
from semclip.types import Fusion, Maker, Scored, Style
from tests import strategies
from tests.adapters.counters import budgets, counters
from tests.fakes import ArrayPicture, spotted

RED, GREEN = Box(0, 0, 120, 90), Box(300, 200, 380, 300)
SIZE = Size(400, 300)
MAKER = Maker("color", "c0105", "pyramid", 2, max_overlap=0.3)
FUSIONS: tuple[Fusion, ...] = get_args(Fusion)
COLORS = {RED: (255, 0, 0), GREEN: (0, 255, 0)}


@dataclass(frozen=True)
class Case:
    """All that a plan depends on but the budgets."""

    size: Size
    boxes: tuple[Box, ...]
    fusion: Fusion
    style: Style
    count: CountTokens

    def plan(self, budgets: Showing = Showing()) -> Plan:
        showing = replace(budgets, fusion=self.fusion)
        return plan(self.size, self.boxes, style=self.style, showing=showing, count=self.count)

    def cost(self, made: Plan) -> int:
        """What the pictures of a plan cost, worked out again."""
        if made.canvas is not None:
            return self.count([made.canvas])
        sizes = [made.overview, *made.crops]
        if made.fusion == "pairs" and made.crops:
            return sum(self.count([made.overview, size]) for size in made.crops)
        return sum(self.count([size]) for size in sizes) if made.fusion == "ensemble" else self.count(sizes)


@st.composite
def cases(draw: st.DrawFn, fusions: Sequence[Fusion] = FUSIONS) -> Case:
    size = draw(strategies.sizes)
    boxes = draw(st.lists(strategies.boxes(size), max_size=4))
    style = Style(crop_px=draw(st.sampled_from([(0, 1024), (448, 1024), (224, 224)])), square=draw(st.booleans()))
    return Case(size, tuple(boxes), draw(st.sampled_from(fusions)), style, draw(counters))


separate = cases(("append", "ensemble", "pairs"))


def least_needed(make: Callable[[], object]) -> int | None:
    """The least that the refusal names, if `make` is refused."""
    try:
        make()
    except InputError as error:
        return int(str(error).split("at least ")[1].split()[0])
    return None


def selection(boxes: Sequence[Box] = (RED, GREEN)) -> Selection:
    chosen = tuple(Scored(box, 2.0 - number) for number, box in enumerate(boxes))
    considered = (*chosen, Scored(Box(0, 0, 1, 1), -math.inf), Scored(Box(5, 5, 9, 9), -2.0))
    return Selection("photo.jpg", "What?", ArrayPicture(spotted(SIZE, COLORS)), chosen, considered, MAKER)


def planned(
    fusion: Fusion, *, style: Style = Style(), boxes: Sequence[Box] = (RED, GREEN), tokens: int | None = None
) -> Plan:
    showing = Showing(fusion=fusion, max_visual_tokens=tokens)
    return plan(SIZE, boxes, style=style, showing=showing, count=patch_tokens(28))


def share_of(picture: PILImage, color: tuple[int, int, int]) -> float:
    """The share of pixels that are nearly of this color."""
    return float((np.abs(np.asarray(picture).astype(int) - color).max(2) < 8).mean())


def size_of(picture: PILImage) -> Size:
    return Size(picture.width, picture.height)


@given(cases(), budgets)
def test_a_plan_never_exceeds_the_joint_budget_or_a_sufficient_one_is_named(case: Case, tokens: int) -> None:
    least = least_needed(lambda: case.plan(Showing(max_visual_tokens=tokens)))
    assert least is None or least > tokens
    made = case.plan(Showing(max_visual_tokens=least or tokens))
    assert case.cost(made) == made.visual_tokens
    assert case.cost(made) <= (least or tokens)
    assert len(made.crops) <= len(case.boxes)


@given(cases(), budgets, budgets)
def test_more_tokens_never_show_fewer_crops(case: Case, less: int, more: int) -> None:
    less, more = sorted((less, more))
    try:
        made = case.plan(Showing(max_visual_tokens=less))
    except InputError:
        return
    assert len(case.plan(Showing(max_visual_tokens=more)).crops) >= len(made.crops)


@given(separate, budgets, budgets, budgets)
def test_every_picture_keeps_its_own_budget(case: Case, overview: int, crop: int, joint: int) -> None:
    try:
        made = case.plan(Showing(overview_tokens=overview, crop_tokens=crop, max_visual_tokens=joint))
    except InputError:
        return
    assert case.count([made.overview]) <= overview
    assert all(case.count([size]) <= crop for size in made.crops)
    assert case.cost(made) <= joint


@given(cases())
def test_without_a_budget_every_crop_is_shown(case: Case) -> None:
    made = case.plan()
    assert len(made.crops) == len(case.boxes)
    assert made.visual_tokens == case.cost(made)


@given(separate)
def test_pictures_are_of_the_size_that_the_style_asks_for(case: Case) -> None:
    made = case.plan()
    least, most = case.style.crop_px
    assert max(made.overview.width, made.overview.height) == min(1024, max(case.size.width, case.size.height))
    for box, size in zip(case.boxes, made.crops, strict=True):
        long = max(size.width, size.height)
        assert long >= least
        assert size.area <= most**2 + long  # sides are whole pixels
        own = framed(box.size, case.style.square)
        assert size == own or max(own.width, own.height) < least or own.area > most**2
    for size in (made.overview, *made.crops):
        assert max(size.width, size.height) <= (1 if case.style.square else 200) * min(size.width, size.height)


@given(cases())
def test_a_plan_of_fewer_crops_is_that_of_the_best(case: Case) -> None:
    fewer = replace(case, boxes=case.boxes[:1])
    if case.fusion != "montage":
        assert fewer.plan().crops == case.plan().crops[:1]
    assert len(fewer.plan().crops) == min(1, len(case.boxes))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_familys_fusion_is_used_unless_another_is_given(fusion: Fusion) -> None:
    style, count = Style(fusion=fusion), fixed_tokens(576)
    assert plan(SIZE, [RED], style=style, showing=Showing(), count=count).fusion == fusion
    assert plan(SIZE, [RED], style=style, showing=Showing("append"), count=count).fusion == "append"


def test_a_montage_takes_the_largest_canvas_that_fits() -> None:
    assert planned("montage").canvas == Size(1344, 1344)
    assert planned("montage", tokens=600).canvas == Size(672, 672)
    without = planned("montage", tokens=143)
    assert (without.canvas, without.crops) == (None, ())


def test_of_canvases_equally_large_the_pictures_choose() -> None:
    style = Style(canvases=(Size(336, 672), Size(672, 336)))
    assert planned("montage", style=style, boxes=[Box(0, 0, 300, 100)]).canvas == Size(336, 672)
    assert planned("montage", style=style, boxes=[Box(0, 0, 100, 300)]).canvas == Size(672, 336)


def test_a_family_of_fixed_cost_drops_crops() -> None:
    def shown(tokens: int) -> int:
        showing = Showing("append", max_visual_tokens=tokens)
        return len(plan(SIZE, [RED, GREEN], style=Style(), showing=showing, count=fixed_tokens(576)).crops)

    assert [shown(tokens) for tokens in (576, 1151, 1152, 1727, 1728)] == [0, 0, 1, 1, 2]


def test_a_budget_that_cannot_be_counted_is_refused() -> None:
    showings = [Showing(f, max_visual_tokens=9999) for f in FUSIONS] + [Showing(crop_tokens=99)]
    for showing in showings:
        with pytest.raises(InputError, match="name its family, or leave the budget out"):
            plan(SIZE, [RED], style=Style(), showing=showing, count=lambda sizes: None)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_without_a_budget_nothing_needs_counting(fusion: Fusion) -> None:
    made = plan(SIZE, [RED], style=Style(), showing=Showing(fusion), count=lambda sizes: None)
    assert (len(made.crops), made.visual_tokens) == (1, None)


def test_budgets_without_meaning_are_refused() -> None:
    with pytest.raises(InputError, match="a montage is one picture: give max_visual_tokens"):
        plan(SIZE, [RED], style=Style(), showing=Showing("montage", crop_tokens=99), count=patch_tokens(28))
    for tokens in (0, 2.5, "9"):
        with pytest.raises(InputError, match=f"crop_tokens needs to be a whole number of at least 1, .*got {tokens!r}"):
            Showing(crop_tokens=tokens)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="crop_tokens needs at least 576 for this model and picture, got 575"):
        plan(SIZE, [RED], style=Style(), showing=Showing(crop_tokens=575), count=fixed_tokens(576))


def test_only_the_four_fusions_and_a_wording_are_taken() -> None:
    with pytest.raises(InputError, match="fusion needs to be append, montage, ensemble, pairs or None, got 'mosaic'"):
        Showing(fusion="mosaic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="wording needs to be a Wording, got None"):
        Showing(wording=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("fusion", ["append", "ensemble", "pairs"])
def test_pictures_have_the_planned_sizes_and_show_the_planned_boxes(fusion: Fusion, square: bool) -> None:
    made = planned(fusion, style=Style(crop_px=(448, 1024), square=square))
    mixture = fuse(selection(), made)
    pictures = [picture for prompt in mixture.prompts for picture in prompt.pictures]
    if fusion == "pairs":
        again = pictures.pop(2)
        assert again.tobytes() == pictures[0].tobytes()
    overview, red, green = pictures
    assert [size_of(picture) for picture in (overview, red, green)] == [made.overview, *made.crops]
    assert max(red.size) == max(green.size) == 448
    assert share_of(red, COLORS[RED]) == pytest.approx(0.75 if square else 1, abs=0.01)
    assert share_of(red, NEUTRAL) == pytest.approx(0.25 if square else 0, abs=0.01)
    assert share_of(green, COLORS[GREEN]) == pytest.approx(0.8 if square else 1, abs=0.01)
    assert share_of(overview, COLORS[RED]) == pytest.approx(0.0675 if square else 0.09, abs=0.01)
    assert not any(prompt.tiling for prompt in mixture.prompts)


def test_a_strip_is_padded_to_what_processors_admit() -> None:
    strip = Box(0, 10, 400, 11)
    made = planned("append", style=Style(crop_px=(448, 1024)), boxes=[strip])
    assert made.crops == (Size(448, 3),)
    crop = fuse(selection([strip]), made).prompts[0].pictures[1]
    assert share_of(crop, NEUTRAL) == pytest.approx(2 / 3)
    assert share_of(crop.crop((0, 1, 130, 2)), COLORS[RED]) == 1


def test_a_montage_shows_every_box_in_one_picture() -> None:
    made = planned("montage", tokens=600)
    (prompt,) = fuse(selection(), made).prompts
    (montage,) = prompt.pictures
    assert size_of(montage) == made.canvas == Size(672, 672)
    shown = made.crops[0].area + made.overview.area * RED.area / SIZE.area
    assert share_of(montage, COLORS[RED]) * 672**2 == pytest.approx(shown, rel=0.02)
    assert prompt.text.endswith("of its upper left, of its lower right.\nWhat?")
    assert not prompt.tiling


def test_appended_crops_are_announced_and_mixed_ones_are_not() -> None:
    (appended,) = fuse(selection(), planned("append")).prompts
    assert appended.text.splitlines() == [
        "Picture 1 is the whole image.",
        "Picture 2 is a close-up of its upper left.",
        "Picture 3 is a close-up of its lower right.",
        "What?",
    ]
    assert [prompt.text for prompt in fuse(selection(), planned("ensemble")).prompts] == ["What?"] * 3


def test_of_pairs_each_prompt_is_the_one_that_a_single_crop_has() -> None:
    mixture = fuse(selection(), planned("pairs"))
    for prompt, box in zip(mixture.prompts, (RED, GREEN), strict=True):
        (alone,) = fuse(selection([box]), planned("append", boxes=[box])).prompts
        assert prompt.text == alone.text
        assert [one.tobytes() for one in prompt.pictures] == [one.tobytes() for one in alone.pictures]
    best, worse = mixture.weights
    assert best + worse == pytest.approx(1)
    assert best / worse == pytest.approx(math.exp(1 / np.std([2.0, 1.0, -2.0])))


def test_the_wording_is_that_given() -> None:
    wording = Wording(crop="{place}!", each="{place}!")
    assert "upper left!" in fuse(selection(), planned("append"), wording=wording).prompts[0].text
    assert "upper left!" in fuse(selection(), planned("montage"), wording=wording).prompts[0].text


@pytest.mark.parametrize("fusion", FUSIONS)
def test_only_as_many_of_the_best_as_planned_are_shown(fusion: Fusion) -> None:
    mixture = fuse(selection(), planned(fusion, boxes=[RED]))
    pictures = [picture for prompt in mixture.prompts for picture in prompt.pictures]
    assert len(pictures) == (1 if fusion == "montage" else 2)
    assert share_of(pictures[-1], COLORS[RED]) > 0.3
    with pytest.raises(InputError, match="a plan of 2 crops needs as many chosen boxes, got 1"):
        fuse(selection([RED]), planned(fusion))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_without_crops_every_fusion_is_the_overview_and_the_question(fusion: Fusion) -> None:
    mixture = fuse(selection([]), planned(fusion, boxes=[]))
    overview, question = mixture.prompts[0].parts
    assert (question, mixture.weights) == ("What?", (1.0,))
    assert not isinstance(overview, str)
    assert overview.tobytes() == selection().overview.tobytes()


def test_the_model_alone_sees_the_full_picture_and_the_question() -> None:
    mixture = plain(selection(), showing=Showing(), count=lambda sizes: None)
    (prompt,) = mixture.prompts
    picture, question = prompt.parts
    assert not isinstance(picture, str)
    assert (question, prompt.tiling, mixture.weights) == ("What?", True, (1.0,))
    assert np.array_equal(np.asarray(picture), spotted(SIZE, COLORS))


@given(st.integers(4, 300), st.booleans())
def test_the_model_alone_keeps_the_budgets_too(tokens: int, joint: bool) -> None:
    count = patch_tokens(28)
    showing = Showing(max_visual_tokens=tokens) if joint else Showing(overview_tokens=tokens)
    least = least_needed(lambda: plain(selection(), showing=showing, count=count))
    assert least == (count([Size(336, 252)]) if joint and tokens < count([Size(336, 252)]) else None)
    if least is None:
        (picture,) = plain(selection(), showing=showing, count=count).prompts[0].pictures
        assert count([size_of(picture)]) <= tokens
        assert size_of(picture) == SIZE or tokens < count([SIZE])


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.integers(1, 5), st.floats(0.01, 100))
def test_weights_are_positive_and_do_not_know_psis_scale(scores: list[float], k: int, scale: float) -> None:
    scores = [round(score, 3) for score in sorted(scores, reverse=True)]
    weights = mixing_weights(scores[:k], scores)
    crops = weights[1:]
    assert sum(weights) == pytest.approx(1)
    assert min(weights) > 0
    assert weights[0] == pytest.approx(1 / (len(crops) + 1))
    assert list(crops) == sorted(crops, reverse=True)
    rescaled = [score * scale + 7 for score in scores]
    assert mixing_weights(rescaled[:k], rescaled) == pytest.approx(weights, rel=1e-3)
    assert crop_weights(scores[:k], scores) == pytest.approx([weight / sum(crops) for weight in crops])


def test_weights_follow_the_scores() -> None:
    assert mixing_weights([], []) == (1.0,)
    assert mixing_weights([3.0, 3.0], [3.0, 3.0]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    overview, best, worse = mixing_weights([2.0, 1.0], [2.0, 1.0, 1.0, 2.0, -math.inf])
    assert overview == pytest.approx(1 / 3)
    assert best / worse == pytest.approx(math.exp(2))
