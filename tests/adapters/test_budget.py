"""Sizes: scaling, padding, and what budgets leave of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.budget import crop_room, fitting, framed, limited, overview_room, scaled
from semclip.adapters.tokens import fixed_tokens, patch_tokens
from semclip.errors import InputError
from semclip.geometry import Size
from semclip.selection import CountTokens
from tests.adapters.counters import budgets, counters
from tests.strategies import sizes


@given(sizes, st.integers(1, 2000))
def test_scaling_sets_the_long_side_and_keeps_the_shape(size: Size, long_side_px: int) -> None:
    made = scaled(size, long_side_px)
    scale = long_side_px / max(size.width, size.height)
    assert max(made.width, made.height) == long_side_px
    assert abs(made.width - size.width * scale) < 1
    assert abs(made.height - size.height * scale) < 1


@given(sizes)
def test_padding_only_lengthens_the_short_side(size: Size) -> None:
    square, padded = framed(size, square=True), framed(size, square=False)
    long = max(size.width, size.height)
    assert square == Size(long, long)
    assert max(padded.width, padded.height) == long <= 200 * min(padded.width, padded.height)
    if long <= 200 * min(size.width, size.height):
        assert padded == size


def test_a_crop_is_brought_between_its_limits_and_an_overview_is_only_shrunk() -> None:
    assert crop_room(Size(50, 100), (448, 1024), square=False).most_px == 448
    assert crop_room(Size(50, 600), (448, 1024), square=False).most_px == 600
    assert crop_room(Size(2000, 2000), (448, 1024), square=False).most_px == 1024
    assert overview_room(Size(50, 100), 1024, square=False).most_px == 100
    assert overview_room(Size(4000, 3000), 1024, square=False).most_px == 1024


def test_a_band_keeps_its_size_where_it_has_no_more_area_than_the_largest_square() -> None:
    assert crop_room(Size(2400, 400), (0, 1024), square=False).largest == Size(2400, 400)
    assert crop_room(Size(400, 2400), (448, 1024), square=False).largest == Size(400, 2400)
    assert crop_room(Size(4096, 1024), (0, 1024), square=False).largest == Size(2048, 512)
    assert crop_room(Size(2400, 400), (0, 1024), square=True).largest == Size(1024, 1024)


def test_a_joint_budget_shrinks_a_crop_to_224_px_or_its_own() -> None:
    assert crop_room(Size(50, 100), (448, 1024), square=False).least_px == 100
    assert crop_room(Size(500, 400), (448, 1024), square=False).least_px == 224
    assert overview_room(Size(4000, 3000), 1024, square=False).least_px == 336


@given(sizes, counters, budgets)
def test_a_picture_keeps_its_own_budget_or_the_least_is_named(size: Size, count: CountTokens, tokens: int) -> None:
    room = overview_room(size, 1024, square=False)
    try:
        kept = limited(room, tokens, count, named="overview_tokens")
    except InputError as error:
        least = int(str(error).split("at least ")[1].split()[0])
        assert least > tokens
        assert limited(room, least, count, named="overview_tokens").most_px >= 1
    else:
        (sent,) = fitting([kept], None, count)
        assert count([sent]) <= tokens
        assert kept.least_px <= kept.most_px <= room.most_px


@given(sizes, counters, budgets, budgets)
def test_a_larger_budget_never_makes_a_picture_smaller(size: Size, count: CountTokens, less: int, more: int) -> None:
    less, more = sorted((less, more))
    room = overview_room(size, 1024, square=False)
    try:
        smaller = limited(room, less, count, named="")
    except InputError:
        return
    assert limited(room, more, count, named="").most_px >= smaller.most_px


def test_a_budget_is_used_nearly_up() -> None:
    room = limited(overview_room(Size(4000, 3000), 4000, square=False), 1000, patch_tokens(28), named="")
    assert 900 <= patch_tokens(28)(fitting([room], None, patch_tokens(28))) <= 1000


def test_pictures_shrink_before_one_is_dropped() -> None:
    count = patch_tokens(28)
    rooms = [overview_room(Size(4000, 3000), 1024, square=False)]
    rooms += [crop_room(Size(800, 800), (448, 1024), square=False)] * 2
    whole = fitting(rooms, None, count)
    assert [max(size.width, size.height) for size in whole] == [1024, 800, 800]
    shrunk = fitting(rooms, count(whole) - 1, count)
    assert len(shrunk) == 3
    assert all(small.width < large.width for small, large in zip(shrunk, whole, strict=True))
    least = count([Size(336, 252), Size(224, 224), Size(224, 224)])
    assert len(fitting(rooms, least, count)) == 3
    assert len(fitting(rooms, least - 1, count)) == 2


def test_where_size_makes_no_difference_pictures_are_dropped_at_full_size() -> None:
    rooms = [overview_room(Size(4000, 3000), 1024, square=False), crop_room(Size(9, 9), (0, 1024), square=False)]
    assert fitting(rooms, 1151, fixed_tokens(576)) == (Size(1024, 768),)


def test_the_least_that_would_do_is_named() -> None:
    rooms = [overview_room(Size(4000, 3000), 1024, square=False)]
    with pytest.raises(InputError, match="max_visual_tokens needs at least 108 for this model and picture, got 107"):
        fitting(rooms, 107, patch_tokens(28))
    assert len(fitting(rooms, 108, patch_tokens(28))) == 1
