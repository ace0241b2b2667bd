from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.tokens import (
    anyres_tokens,
    fixed_tokens,
    onevision_tokens,
    patch_tokens,
    split_tokens,
    tile_tokens,
)
from semclip.errors import InputError
from semclip.geometry import Size
from tests.strategies import sizes

COUNTERS = [
    fixed_tokens(576),
    patch_tokens(28),
    anyres_tokens(),
    tile_tokens(448, per_tile=256, max_tiles=12),
    split_tokens(1536, tile_px=384, per_tile=81),
]


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
    with pytest.raises(InputError, match="got 448, 256, 0, 1"):
        tile_tokens(448, per_tile=256, max_tiles=0)
    with pytest.raises(InputError, match="got 1536, 0, 81"):
        split_tokens(1536, tile_px=0, per_tile=81)


@given(st.lists(sizes, min_size=2, max_size=5))
def test_onevision_tiles_a_picture_only_when_it_is_alone(pictures: list[Size]) -> None:
    count = onevision_tokens()
    assert count(pictures) == 730 * len(pictures)
    assert 729 <= count(pictures[:1]) <= 729 + 1.1**2 * 9 * 729 + 6 * 27
