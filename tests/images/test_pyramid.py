from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL.Image import Resampling

from benchmarks.prepare import loop, photo, quadtree, windows
from semclip.geometry import Box, Size
from semclip.images import load
from semclip.images.decoding import Decoded
from semclip.images.levels import Level
from semclip.images.pyramid import Pyramid
from tests.images.files import picture

PHOTO = photo(Size(1000, 750))


class CountingSource:
    """Pixels that count how often, and at which scale, they are decoded."""

    def __init__(self, halvings: int) -> None:
        self.size = Size(800, 600)
        self.halvings = halvings
        self.decoded: list[int] = []

    def digest(self) -> str:
        return "pixels"

    def decode(self, halvings: int, /) -> Level:
        self.decoded.append(halvings)
        level = Decoded(picture(800, 600)).decode(0)
        for _ in range(halvings):
            level = level.halved()
        return level


def test_decodes_the_smallest_scale_that_suffices_and_keeps_it() -> None:
    source = CountingSource(halvings=3)
    pyramid = Pyramid(source)
    pyramid.resized(Size(200, 150))
    pyramid.resized(Size(200, 150))
    pyramid.resized(Size(50, 30))
    assert source.decoded == [2]
    pyramid.resized(Size(201, 150))
    pyramid.full()
    assert source.decoded == [2, 1, 0]


def test_crops_decode_once() -> None:
    source = CountingSource(halvings=3)
    Pyramid(source).crops(windows(source.size, 30), Size(16, 16))
    assert len(source.decoded) == 1


def test_never_decodes_below_what_the_source_can_skip() -> None:
    source = CountingSource(halvings=0)
    assert Pyramid(source).resized(Size(10, 10)).size == (10, 10)
    assert source.decoded == [0]


@pytest.mark.parametrize("boxes", [windows(Size(1000, 750), 85), quadtree(Size(1000, 750))])
def test_crops_are_those_of_the_loop(boxes: list[Box]) -> None:
    crops = load(PHOTO).crops(boxes, Size(224, 224))
    assert np.abs(crops.astype(int) - loop(PHOTO, boxes)).mean() < 0.1


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_boxes_in_any_order(data: st.DataObject) -> None:
    corners = st.tuples(st.integers(0, 250), st.integers(0, 150))
    sides = st.sampled_from([(40, 40), (41, 37), (150, 100), (300, 20), (3, 90)])
    drawn = data.draw(st.lists(st.tuples(corners, sides), max_size=12))
    boxes = [Box(x, y, x + width, y + height) for (x, y), (width, height) in drawn]
    size = Size(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)))
    smooth = picture(600, 300)
    crops = load(smooth).crops(boxes, size)
    assert crops.shape == (len(boxes), size.height, size.width, 3)
    for box, crop in zip(boxes, crops, strict=True):
        corner = (box.left, box.top, box.right, box.bottom)
        reference = smooth.resize((size.width, size.height), Resampling.BICUBIC, box=corner)
        assert np.abs(crop.astype(int) - reference).max() <= 4
