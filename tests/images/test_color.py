from __future__ import annotations

from io import BytesIO
from typing import Literal

import numpy as np
import pytest
from PIL import Image as pillow
from PIL import ImageCms
from PIL.Image import Image as PILImage

from semclip.images import load
from semclip.types import Pixels
from tests.images.files import encoded, noise, picture, same

RAMP = np.linspace(0, 1, 48, dtype=np.float32)[None].repeat(32, 0)


def shown(image: PILImage, kind: str, **options: object) -> Pixels:
    return np.asarray(load(encoded(image, kind, **options)).to_pil())


def off(left: Pixels, right: Pixels) -> int:
    return int(np.abs(left.astype(int) - right).max())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_plain_pixels_are_kept(kind: str) -> None:
    assert same(shown(picture(), kind), picture())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "GIF"])
def test_lossy_pixels_are_close(kind: str) -> None:
    assert np.abs(shown(picture(), kind).astype(int) - picture()).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_few_levels(mode: str) -> None:
    image = picture().convert(mode)
    assert same(shown(image, "PNG"), image.convert("RGB"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    image = pillow.fromarray(np.round(RAMP * 65_535).astype(np.uint16))
    assert off(shown(image, kind)[..., 0], np.round(RAMP * 255).astype(np.uint8)) <= 1


@pytest.mark.parametrize("high", [1.0, 255.0, 65_535.0])
def test_floats_span_the_smallest_range_that_holds_them(high: float) -> None:
    assert off(shown(pillow.fromarray(RAMP * high * 0.9), "TIFF")[..., 0], np.round(RAMP * 229.5).astype(np.uint8)) <= 1


def test_other_floats_are_stretched_and_what_is_no_number_is_black() -> None:
    values = RAMP * 200 - 100
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    pixels = shown(pillow.fromarray(values), "TIFF")[..., 0]
    assert [*pixels[0, :3], pixels[1, 0], pixels[1, -1]] == [0, 255, 0, 0, 255]


@pytest.mark.parametrize("value", [np.nan, 70_000.0, -3.0, 1e30])
def test_flat_floats_decode(value: float) -> None:
    assert shown(pillow.fromarray(np.full((4, 4), value, np.float32)), "TIFF").shape == (4, 4, 3)


def test_wide_integers() -> None:
    image = pillow.fromarray(np.round(RAMP * 1_000_000).astype(np.int32))
    assert off(shown(image, "TIFF")[..., 0], np.round(RAMP * 255).astype(np.uint8)) <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_shown_on_white(kind: str) -> None:
    image = picture().convert("RGBA")
    image.putalpha(pillow.linear_gradient("L").resize(image.size))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    white = pillow.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    assert off(shown(image, kind, **options), np.asarray(white.convert("RGB"))) <= 1


def test_grey_alpha_is_shown_on_white() -> None:
    image = pillow.merge("LA", [pillow.new("L", (4, 4), 100), pillow.new("L", (4, 4), 0)])
    assert shown(image, "PNG").min() == 255


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
def test_transparent_palette_entries_are_white(transparency: int | bytes) -> None:
    image = pillow.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 1), 1)
    pixels = shown(image, "PNG", transparency=transparency)
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 1].tolist() == [40, 50, 60]


def test_cmyk() -> None:
    image = pillow.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert off(shown(image, "JPEG", quality=100), np.full((8, 8, 3), (255, 0, 0), np.uint8)) <= 3


def test_lab() -> None:
    image = pillow.new("LAB", (4, 4), (255, 128, 128))
    assert off(shown(image, "TIFF"), np.full((4, 4, 3), 255, np.uint8)) <= 2
    red = pillow.new("LAB", (4, 4), (138, 209, 198))
    assert off(shown(red, "TIFF"), np.full((4, 4, 3), (255, 0, 0), np.uint8)) <= 6


def profile(name: Literal["LAB", "sRGB"]) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def swapped_profile() -> bytes:
    """sRGB with the colours of red and green exchanged."""
    data = bytearray(profile("sRGB"))
    red, green = data.find(b"rXYZ"), data.find(b"gXYZ")
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_profile_is_honoured(kind: str) -> None:
    red = pillow.new("RGB", (8, 8), (255, 0, 0))
    assert off(shown(red, kind, icc_profile=swapped_profile()), np.full((8, 8, 3), (0, 255, 0), np.uint8)) <= 2


def test_the_srgb_profile_changes_no_pixel() -> None:
    image = pillow.fromarray(noise(40, 30))
    assert same(shown(image, "PNG", icc_profile=profile("sRGB")), image)


@pytest.mark.parametrize("broken", [b"no profile", profile("LAB"), profile("sRGB")[:200]])
def test_a_profile_that_does_not_fit_is_ignored(broken: bytes) -> None:
    assert same(shown(picture(), "PNG", icc_profile=broken), picture())


def test_a_profile_is_honoured_under_alpha() -> None:
    image = pillow.new("RGBA", (4, 4), (255, 0, 0, 255))
    file = BytesIO()
    image.save(file, "PNG", icc_profile=swapped_profile())
    assert off(np.asarray(load(file.getvalue()).to_pil()), np.full((4, 4, 3), (0, 255, 0), np.uint8)) <= 2
