"""Where pixels come from: encoded bytes, decoded at the scale asked for, or pixels that are there already.

The only module that opens files with Pillow. Pillow's globals and its registry of formats are left alone: each format's
own class is called, so no other decoder is ever reached and no global pixel limit is in the way.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

from PIL import ExifTags, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Image import Image as PILImage
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from semclip.geometry import Size
from semclip.images.color import to_srgb
from semclip.images.headers import exif_block, sniff
from semclip.images.levels import Level, Region
from semclip.images.limits import Limits, Tally, errors_named
from semclip.images.tiff import orientation

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "AVIF": AvifImageFile,
}
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_FLIPPED_X = (2, 3, 6, 7)
_FLIPPED_Y = (3, 4, 7, 8)
_JPEG_HALVINGS = 3
_READ_BYTES = 16 << 10
_JPEG_IN_TIFF = (6, 7)
_silence = threading.Lock()


class Source(Protocol):
    """Pixels of one picture at a choice of scales, upright, as sRGB."""

    @property
    def size(self) -> Size: ...

    @property
    def halvings(self) -> int:
        """How often the sides can be halved while decoding, for less than decoding everything costs."""
        ...

    def digest(self) -> str: ...

    def decode(self, halvings: int, /) -> Level:
        """The picture, each side divided by 2**halvings and rounded up."""
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels that are there already: RGB, upright, owned by nobody else."""

    pixels: PILImage
    halvings: int = 0

    @property
    def size(self) -> Size:
        return Size(*self.pixels.size)

    def digest(self) -> str:
        """Equal for equal pixels, whether they came as an array or as a PIL picture."""
        return hashlib.blake2b(f"{self.size}:".encode() + self.pixels.tobytes(), digest_size=16).hexdigest()

    def decode(self, _: int, /) -> Level:
        return Level(self.pixels, Region.of(self.size.box))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file's bytes, its header read and checked."""

    name: str
    data: bytes = field(repr=False)
    limits: Limits
    kind: str
    turn: int
    size: Size

    @classmethod
    def read(cls, data: bytes, limits: Limits, *, name: str) -> Encoded:
        """`data` with its header checked.

        Raises:
            ImageError: it is no picture, or a broken one.
            ImageLimitError: it is larger than `limits` admits.
        """
        with errors_named(name):
            limits.check("encoded_bytes", len(data))
            kind, tally = sniff(data), Tally(limits)
            turn = orientation(exif_block(data, kind, tally), tally)
            image = _open(data, kind, tally)
            if kind in ("TIFF", "AVIF"):  # Pillow turns the one itself, and tells how the container turns the other
                turn = 1 if kind == "TIFF" else orientation(image.info.get("exif", b""), tally)
            width, height = image.size
            return cls(name, data, limits, kind, turn, Size(height, width) if turn >= 5 else Size(width, height))

    @property
    def halvings(self) -> int:
        return _JPEG_HALVINGS if self.kind == "JPEG" else 0

    def digest(self) -> str:
        return hashlib.blake2b(self.data, digest_size=16).hexdigest()

    def decode(self, halvings: int, /) -> Level:
        """The picture, decoded afresh.

        Raises:
            ImageError: the pixels cannot be decoded.
            ImageLimitError: it takes too long, or more memory than there is.
        """
        with errors_named(self.name):
            image = _open(self.data, self.kind, Tally(self.limits))
            if halvings:
                image.draft(None, (image.width >> halvings, image.height >> halvings))
            if self.kind == "TIFF":
                with _quiet():
                    image.load()
            else:
                image.load()
            return _upright(to_srgb(image), self, halvings)


def _upright(image: PILImage, source: Encoded, halvings: int) -> Level:
    """`image` turned; the pixel that reaches beyond the edge turns with it, so it may now be the first."""
    image = turned(image, source.turn)
    width, height = image.width << halvings, image.height << halvings
    left = source.size.width - width if source.turn in _FLIPPED_X else 0
    top = source.size.height - height if source.turn in _FLIPPED_Y else 0
    return Level(image, Region(left, top, left + width, top + height))


def decoded(image: PILImage, limits: Limits) -> Decoded:
    """A PIL picture as pixels of our own; its EXIF turn is applied, and it is left as it was.

    Raises:
        ImageError: it cannot be loaded.
        ImageLimitError: it is too large.
    """
    with errors_named("the given PIL picture"), _quiet():
        limits.check_size(*image.size)
        image.load()
        pixels = turned(to_srgb(image), image.getexif().get(ExifTags.Base.Orientation, 1))
        return Decoded(pixels.copy() if pixels is image else pixels)


def turned(image: PILImage, turn: int) -> PILImage:
    """`image` upright, `turn` being its EXIF orientation."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


class _TimedBytes(BytesIO):
    """Bytes that stop a decoder in the middle: what cannot be interrupted must still ask for its input."""

    def __init__(self, data: bytes, tally: Tally) -> None:
        super().__init__(data)
        self._tally = tally

    def read(self, size: int | None = -1, /) -> bytes:
        self._tally.tick()
        return super().read(size)


def _open(data: bytes, kind: str, tally: Tally) -> ImageFile.ImageFile:
    with _quiet():
        image = _PLUGINS[kind](_TimedBytes(data, tally))
    image.decodermaxblock = _READ_BYTES
    tally.limits.check_size(*image.size)
    if isinstance(image, AvifImageFile):
        tally.limits.check("frames", image.n_frames)
    if isinstance(image, TiffImageFile):
        _check_tiff_scans(image, data, tally.limits)
    return image


def _check_tiff_scans(image: TiffImageFile, data: bytes, limits: Limits) -> None:
    """A TIFF file may hold a JPEG per strip or tile, each with as many scans as it likes."""
    if image.tag_v2.get(259) in _JPEG_IN_TIFF:
        parts = image.tag_v2.get(273) or image.tag_v2.get(324) or (0,)
        limits.check("scans", data.count(b"\xff\xda") / len(parts))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings to ourselves: each is either an error of ours or no matter.

    The filters are the whole process's, hence the lock; only headers are read under it, and TIFF files, which warn
    late.
    """
    with _silence, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
