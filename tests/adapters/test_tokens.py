from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.tokens import anyres_tokens, fixed_tokens, patch_tokens, tile_tokens
from semclip.errors import InputError
from semclip.geometry import Size
from tests.strategies import sizes

QWEN_SIZES = [(1, 200), (10, 1000), (13, 13), (28, 28), (70, 42), (640, 480), (4000, 3000), (9000, 6000), (5000, 25)]
SIZES = [
    *QWEN_SIZES,
    (448, 448),
    (449, 448),
    (1344, 448),
    (896, 1344),
    (1018, 1440),
    (200, 200),
    (1920, 1080),
    (1, 999),
]

COUNTERS = [fixed_tokens(576), patch_tokens(28), anyres_tokens(), tile_tokens(448, per_tile=256, max_tiles=12, marks=2)]


@given(st.lists(sizes.filter(lambda size: max(size.width, size.height) <= 200 * min(size.width, size.height))))
def test_pictures_add_up(pictures: list[Size]) -> None:
    for count in COUNTERS:
        assert count(pictures) == sum(count([picture]) for picture in pictures)
        assert count(pictures) >= len(pictures)


@given(sizes.filter(lambda size: max(size.width, size.height) <= 200 * min(size.width, size.height)))
def test_patches_stay_below_their_limit(size: Size) -> None:
    assert patch_tokens(28, max_tokens=1280)([size]) <= 1280


def test_an_overview_and_four_tiles_cost_what_anyres_costs() -> None:
    assert fixed_tokens(576)([Size(1024, 768), *[Size(512, 384)] * 4]) == 2880


@pytest.mark.parametrize("size", [Size(1, 201), Size(201, 1)])
def test_a_picture_that_the_processor_refuses_is_an_error(size: Size) -> None:
    with pytest.raises(InputError, match="200 to 1, got"):
        patch_tokens(28)([size])


def test_impossible_families_are_errors() -> None:
    with pytest.raises(InputError, match="at least 1 token, got 0"):
        fixed_tokens(0)
    with pytest.raises(InputError, match="got 28, 9, 8"):
        patch_tokens(28, min_tokens=9, max_tokens=8)
    with pytest.raises(InputError, match="got 448, 256, 0, 0"):
        tile_tokens(448, per_tile=256, max_tiles=0)


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), QWEN_SIZES)
def test_patches_are_those_of_the_qwen_processor(width: int, height: int) -> None:
    module = pytest.importorskip("transformers.models.qwen2_vl.image_processing_qwen2_vl")
    rows, columns = module.smart_resize(height, width, 28, 4 * 28**2, 16_384 * 28**2)
    assert patch_tokens(28)([Size(width, height)]) == rows * columns // 28**2
    rows, columns = module.smart_resize(height, width, 32, 64 * 32**2, 16_384 * 32**2)
    assert patch_tokens(32, min_tokens=64)([Size(width, height)]) == rows * columns // 32**2


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_tiles_are_those_of_the_internvl_processor(width: int, height: int) -> None:
    module = pytest.importorskip("transformers.models.got_ocr2.image_processing_got_ocr2")
    columns, rows = module.get_optimal_tiled_canvas((height, width), (448, 448), 1, 12)
    tiles = columns * rows + (columns * rows > 1)
    assert tile_tokens(448, per_tile=256, max_tiles=12, marks=2)([Size(width, height)]) == 256 * tiles + 2


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_anyres_is_that_of_the_llava_next_processor(width: int, height: int) -> None:
    processor = pytest.importorskip("transformers.models.llava_next.processing_llava_next").LlavaNextProcessor
    pinpoints = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
    configured = SimpleNamespace(
        image_processor=SimpleNamespace(image_grid_pinpoints=pinpoints), patch_size=14, num_additional_image_tokens=0
    )
    configured._get_unpadded_features = lambda *sides: processor._get_unpadded_features(configured, *sides)
    assert anyres_tokens()([Size(width, height)]) == processor._get_number_of_features(
        configured, height, width, 336, 336
    )
