"""Where relative attention says a model looks, and that cells, pixels and boxes are one frame."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from semclip.adapters.chat import ChatAdapter
from semclip.adapters.families import placeholder_id
from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.pipeline import SemClip
from semclip.relevance.vlm.attention import NEUTRAL, VlmAttention, cells, default_layer
from semclip.relevance.vlm.last_token import attention
from semclip.relevance.vlm.reading import frame, overview
from semclip.types import Floats, Prompt
from tests.adapters import tiny_vlm
from tests.fakes import ArrayPicture
from tests.relevance.vlm.passes import BOXES, QUESTION, counted, noise, state

Adapters = Callable[[str], ChatAdapter]
FAMILIES = pytest.mark.parametrize("family", tiny_vlm.FAMILY_NAMES)
# In these the picture lies on whole cells also where it is padded.
SIZES = pytest.mark.parametrize("size", [Size(200, 100), Size(80, 160)], ids=str)


def encoded(adapter: ChatAdapter, picture: ArrayPicture, text: str) -> Any:
    return adapter.encode([Prompt((overview(picture, adapter), text), tiling=False)])


def is_picture(adapter: ChatAdapter, inputs: Any) -> Any:
    return inputs["input_ids"][0] == placeholder_id(adapter.processor)


def near_sighted(model: Any) -> Any:
    """A copy in whose vision tower no patch sees another."""
    blinkered = copy.deepcopy(model)
    for name, module in blinkered.named_modules():
        if name.startswith("model.vis") and "Attention" in type(module).__name__:
            for weight in module.parameters():
                torch.nn.init.zeros_(weight)
    return blinkered


def cell_features(adapter: ChatAdapter, picture: ArrayPicture) -> Floats:
    """(rows, columns, d): what the decoder is given in each cell of the grid."""
    inputs, given = encoded(adapter, picture, "?"), list[Any]()
    hook = adapter.model.get_decoder().register_forward_pre_hook(
        lambda _module, _arguments, inputs: given.append(inputs["inputs_embeds"]), with_kwargs=True
    )
    try:
        with torch.inference_mode():
            adapter.model(**inputs)
    finally:
        hook.remove()
    ours = is_picture(adapter, inputs)
    grid = cells(inputs, int(ours.sum()), adapter)
    features: Floats = given[0][0][ours][: grid.area].reshape(grid.height, grid.width, -1).numpy()
    return features


@FAMILIES
@SIZES
def test_the_grid_lies_as_the_picture_does(adapter: Adapters, family: str, size: Size) -> None:
    picture, one = noise(size), replace(adapter(family), model=near_sighted(adapter(family).model))
    before = cell_features(one, picture)
    rows, columns = np.indices(before.shape[:2])
    for right in (0, 1):
        for lower in (0, 1):
            pixels, x, y = picture.pixels.copy(), right * size.width // 2, lower * size.height // 2
            pixels[y : y + size.height // 2, x : x + size.width // 2] = 0
            change = np.linalg.norm(cell_features(one, ArrayPicture(pixels)) - before, axis=-1)
            quarter = (rows * 2 // before.shape[0] == lower) & (columns * 2 // before.shape[1] == right)
            assert change[quarter].mean() > 2 * change[~quarter].mean()


@FAMILIES
def test_heat_is_the_log_of_attention_against_that_of_the_neutral_instruction(adapter: Adapters, family: str) -> None:
    one, picture = adapter(family), noise(Size(200, 100))
    psi = VlmAttention(one, layers=(0, 1))
    heat = psi.heat(QUESTION, psi.embed(picture, BOXES))

    def read(text: str) -> Floats:
        inputs = encoded(one, picture, text)
        with torch.inference_mode():
            weights: Floats = attention(one.model, inputs, [0, 1])[0][:, is_picture(one, inputs)].numpy()
        return weights[:, : heat.size]

    expected = np.log(read(QUESTION) / read(NEUTRAL)).mean(0).reshape(heat.shape)
    shown = np.isfinite(heat)
    assert shown.all(axis=1).tolist() == ([False, True, True, False] if family == "llava" else [True] * len(heat))
    np.testing.assert_allclose(heat[shown], expected[shown], atol=1e-4)
    assert np.ptp(heat[shown]) > 0


@FAMILIES
@SIZES
def test_the_box_of_the_hottest_cell_scores_best(adapter: Adapters, family: str, size: Size) -> None:
    psi, picture = VlmAttention(adapter(family), size_weight=0.0), noise(size)
    heat = psi.heat(QUESTION, psi.embed(picture, BOXES[:1]))
    padded, inside = frame(size, adapter(family).style.square)
    step_x, step_y = padded.width / heat.shape[1], padded.height / heat.shape[0]
    row, column = np.unravel_index(np.argmax(heat), heat.shape)

    def box(row: Any, column: Any) -> Box | None:
        edges = np.array([column * step_x, row * step_y, (column + 1) * step_x, (row + 1) * step_y]).round().astype(int)
        left, right = np.clip(edges[::2], inside.left, inside.right) - inside.left
        top, bottom = np.clip(edges[1::2], inside.top, inside.bottom) - inside.top
        return Box(int(left), int(top), int(right), int(bottom)) if left < right and top < bottom else None

    boxes = {found: cell for cell in np.ndindex(heat.shape) if (found := box(*cell)) is not None}
    scores = psi.score(QUESTION, replace(psi.embed(picture, BOXES[:1]), boxes=tuple(boxes)))
    assert list(boxes.values())[int(np.argmax(scores))] == (row, column)
    if step_x.is_integer() and step_y.is_integer():
        assert np.argsort(scores).tolist() == np.argsort([heat[cell] for cell in boxes.values()]).tolist()


@FAMILIES
def test_a_question_costs_one_pass_beside_the_neutral_one(adapter: Adapters, family: str) -> None:
    one = adapter(family)
    psi = VlmAttention(one)
    one.model(**encoded(one, noise(), "?"))
    before = state(one.model)
    with counted(one.model) as rows:
        selection = SemClip(psi).select(noise().pixels, QUESTION, k=2)
    assert sum(rows) == selection.made_by.vlm_passes == 2
    assert len(selection.chosen) == 2
    assert state(one.model) == before


def test_a_second_question_costs_one_pass(adapter: Adapters) -> None:
    semclip = SemClip(VlmAttention(adapter("qwen2_vl")))
    first = semclip.select(noise().pixels, QUESTION)
    with counted(adapter("qwen2_vl").model) as rows:
        again, other = semclip.select_many(noise().pixels, [QUESTION, "What does the sign say?"])
    assert sum(rows) == 2
    assert again.scores == first.scores != other.scores


def test_neutral_regions_rank_nothing(adapter: Adapters) -> None:
    psi = VlmAttention(adapter("llava_next"), size_weight=1.0)
    scores = psi.score(NEUTRAL, psi.embed(noise(), BOXES))
    np.testing.assert_allclose(scores, scores[0], atol=1e-2)


def test_only_the_layers_up_to_the_deepest_run(adapter: Adapters) -> None:
    model, ran = adapter("llava").model, list[int]()
    hooks = [
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, layer in enumerate(model.get_decoder().layers)
    ]
    VlmAttention(adapter("llava"), layers=(1,)).embed(noise(), BOXES)
    for hook in hooks:
        hook.remove()
    assert ran == [0]


def test_the_layer_by_default_is_that_of_vicrop() -> None:
    assert [default_layer(depth) for depth in (1, 2, 28, 32)] == [0, 1, 12, 14]


def test_the_fingerprint_tells_what_decides_the_scores(adapter: Adapters) -> None:
    one = adapter("llava")
    same, *others = (
        VlmAttention(one).fingerprint,
        VlmAttention(one, layers=(0,)).fingerprint,
        VlmAttention(one, sharpness=2.0).fingerprint,
        VlmAttention(one, neutral="Describe it.").fingerprint,
        VlmAttention(adapter("llava_next")).fingerprint,
    )
    assert VlmAttention(one, layers=(1,)).fingerprint == same
    assert len({same, *others}) == 5


def test_regions_of_another_psi_are_refused(adapter: Adapters) -> None:
    regions = VlmAttention(adapter("llava"), layers=(0,)).embed(noise(), BOXES)
    with pytest.raises(InputError, match="embedded itself"):
        VlmAttention(adapter("llava"), layers=(1,)).score(QUESTION, regions)


def test_regions_without_their_picture_are_refused(adapter: Adapters) -> None:
    psi = VlmAttention(adapter("llava"))
    with pytest.raises(InputError, match="with their picture"):
        psi.score(QUESTION, replace(psi.embed(noise(), BOXES), picture=None))


def test_a_layer_that_is_not_there_is_refused(adapter: Adapters) -> None:
    with pytest.raises(InputError, match="from 0 to 1, got"):
        VlmAttention(adapter("llava"), layers=(2,)).embed(noise(), BOXES)


@pytest.mark.parametrize("options", [{"sharpness": 0.0}, {"sharpness": np.nan}, {"size_weight": -1.0}])
def test_unusable_options_are_refused(adapter: Adapters, options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sharpness needs to be above 0"):
        VlmAttention(adapter("llava"), **options)  # type: ignore[arg-type]


def test_picture_tokens_in_no_grid_are_refused(adapter: Adapters) -> None:
    inputs = encoded(adapter("gemma3"), noise(), "?")
    with pytest.raises(ModelError, match="got 3 for 1 views of 4x4 patches"):
        cells(inputs, 3, adapter("gemma3"))


def test_tiles_are_not_taken_for_the_whole_picture(adapter: Adapters) -> None:
    one = adapter("internvl")
    tiled = one.encode([Prompt((overview(noise(Size(168, 56)), one), "?"), tiling=True)])
    tokens = int(is_picture(one, tiled).sum())
    assert tokens == 4 * 4
    with pytest.raises(ModelError, match="got 16 for 4 views of 4x4 patches"):
        cells(tiled, tokens, one)
