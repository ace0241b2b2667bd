from __future__ import annotations

import threading
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow
from PIL import ImageFile, ImageOps

from semclip.errors import GeometryError, ImageError, ImageLimitError, InputError
from semclip.geometry import Box, Size
from semclip.images import ImageSource, Limits, load
from semclip.types import Picture
from tests.images.files import encoded, exif, noise, picture, png, same

PNG = encoded(picture(), "PNG")


@pytest.fixture(params=["path", "name", "bytes", "pil", "opened", "array"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> ImageSource:
    path = tmp_path / "wrong suffix.jpg"
    path.write_bytes(PNG)
    sources: dict[str, ImageSource] = {
        "path": path,
        "name": str(path),
        "bytes": PNG,
        "pil": picture(),
        "opened": pillow.open(BytesIO(PNG)),
        "array": np.asarray(picture()),
    }
    return sources[request.param]


def test_every_kind_of_source_gives_the_same_pixels(source: ImageSource) -> None:
    image: Picture = load(source)
    assert image.size == Size(48, 32)
    assert same(image.crop(image.size.box), picture())
    assert same(image.resized(Size(20, 10)), load(PNG).resized(Size(20, 10)))


def test_digest_is_of_content_not_of_names(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_bytes(PNG)
    assert load(tmp_path / "a.png").digest == load(tmp_path / "b.jpg").digest == load(PNG).digest
    assert load(picture()).digest == load(np.asarray(picture())).digest
    assert load(picture()).digest != load(picture(32, 48)).digest
    assert load(PNG).digest != load(encoded(picture(), "BMP")).digest


@pytest.mark.parametrize("bad", ["missing.png", "", "nul\0byte", "folder"])
def test_unreadable_paths(bad: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError):
        load(str(tmp_path / bad))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_arrays_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="array"):
        load(np.zeros(shape, np.uint8))


def test_other_arrays_and_types() -> None:
    with pytest.raises(ImageError, match="float64"):
        load(np.zeros((4, 4, 3)))
    with pytest.raises(ImageError, match="NoneType"):
        load(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("given_pixels", [picture(), np.asarray(picture()), PNG])
def test_limits_hold_for_every_source(given_pixels: ImageSource) -> None:
    with pytest.raises(ImageLimitError, match="side_px"):
        load(given_pixels, Limits(side_px=40))


def test_limits_are_positive() -> None:
    with pytest.raises(InputError, match="frames"):
        Limits(frames=0)


def test_a_source_is_not_changed_and_not_shared() -> None:
    pil, array = picture(), np.array(picture())
    images = load(pil), load(array)
    pil.putpixel((0, 0), (9, 9, 9))
    array[0, 0] = 9
    assert all(image.crop(Box(0, 0, 1, 1)).max() == 0 for image in images)


def test_a_copy_is_given_out() -> None:
    image = load(PNG)
    image.to_pil().putpixel((0, 0), (9, 9, 9))
    assert same(image.to_pil(), picture())


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientations_give_equal_pixels(turn: int, kind: str) -> None:
    upright = noise(20, 13)
    plain = pillow.fromarray(upright)
    candidates = [plain, *(plain.transpose(method) for method in pillow.Transpose)]
    stored = next(each for each in candidates if same(ImageOps.exif_transpose(tagged(each, turn)), upright))
    options = {"lossless": True} if kind == "WEBP" else {}
    image = load(encoded(stored, kind, exif=exif(turn), **options))
    assert image.size == Size(20, 13)
    assert same(image.to_pil(), upright)
    assert same(load(tagged(stored, turn)).to_pil(), upright)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientations_of_lossy_files_are_those_of_pillow(turn: int, kind: str) -> None:
    data = encoded(picture(), kind, exif=exif(turn))
    shown, expected = load(data).to_pil(), ImageOps.exif_transpose(pillow.open(BytesIO(data)))
    assert load(data).size == Size(*expected.size)
    assert same(shown, expected)


def tagged(image: pillow.Image, turn: int) -> pillow.Image:
    tagged = image.copy()
    tagged.getexif()[0x0112] = turn
    return tagged


@pytest.mark.parametrize("turn", [0, 9, 99])
def test_orientations_that_mean_nothing(turn: int) -> None:
    assert same(load(encoded(picture(), "PNG", exif=exif(turn))).to_pil(), picture())


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_photo_has_one_frame_at_every_scale(turn: int) -> None:
    # Sides that no power of two divides, so that each halved level reaches beyond one edge.
    data = encoded(picture(403, 301), "JPEG", quality=95, exif=exif(turn))
    small, full = load(data), load(data)
    full.to_pil()
    for long_side_px in (200, 100, 50, 25):
        size = full.size.fit(long_side_px)
        gap = np.abs(small.resized(size).astype(int) - full.resized(size))
        assert gap.mean() < 1
        assert gap.max() < 12


def test_an_undecoded_picture_is_the_same_picture(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(png(40, 30))
    picture = load(tmp_path / "photo.png")
    pixels, light = picture.crop(picture.size.box), picture.undecoded()
    assert (light.size, light.digest) == (picture.size, picture.digest)
    assert (light.crop(picture.size.box) == pixels).all()


def test_a_smaller_scale_is_decoded_first_and_the_original_when_needed() -> None:
    data = encoded(picture(640, 480), "JPEG", quality=95)
    image = load(data)
    assert image.resized(Size(64, 48)).shape == (48, 64, 3)
    assert same(image.crop(image.size.box), pillow.open(BytesIO(data)))


@given(st.data())
def test_a_crop_is_a_slice_of_the_whole(data: st.DataObject) -> None:
    size = Size(data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30)))
    left, top = data.draw(st.integers(0, size.width - 1)), data.draw(st.integers(0, size.height - 1))
    right, bottom = data.draw(st.integers(left + 1, size.width)), data.draw(st.integers(top + 1, size.height))
    pixels = noise(size.width, size.height)
    assert same(load(pixels).crop(Box(left, top, right, bottom)), pixels[top:bottom, left:right])


@pytest.mark.parametrize("method", ["crop", "crops"])
def test_boxes_that_leave_the_image(method: str) -> None:
    image, box = load(PNG), Box(0, 0, 49, 32)
    with pytest.raises(GeometryError, match="48x32"):
        image.crop(box) if method == "crop" else image.crops([box], Size(8, 8))


def test_pixels_can_be_written() -> None:
    image = load(PNG)
    whole = image.size.box
    pixels = image.resized(Size(8, 8)), image.crop(whole), image.crops([whole], Size(8, 8))[0]
    assert all(each.flags.writeable for each in pixels)


def test_pillow_globals_are_left_alone_and_in_no_ones_way() -> None:
    before = (pillow.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # 200 Mpx: more than Pillow's own limit for an error.
        image = load(png(20_000, 10_000), Limits(pixels=200_000_000))
    assert image.size.area == 200_000_000
    assert before == (pillow.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_threads_share_one_image() -> None:
    image = load(encoded(picture(900, 600), "JPEG"))
    shown: list[object] = []
    threads = [threading.Thread(target=lambda: shown.append(image.crop(image.size.box).sum())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shown) == 4
    assert len(set(shown)) == 1


def test_repr_names_the_size() -> None:
    assert repr(load(PNG)) == "Image(48x32)"


def test_a_size_that_is_asked_for_again_is_the_callers_own() -> None:
    image = load(PNG)
    first = image.resized(Size(5, 4))
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(image.resized(Size(5, 4)), kept)
    assert image.resized(Size(3, 2)).shape == (2, 3, 3)
    assert np.array_equal(image.resized(Size(5, 4)), kept)
