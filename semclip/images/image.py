"""`load` and what it returns: one picture whose pixels are decoded when, and no further than, they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import astuple
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pillow
from PIL.Image import Image as PILImage
from PIL.Image import Resampling

from semclip.errors import GeometryError, ImageError
from semclip.geometry import Box, Size
from semclip.images.decoding import Decoded, Encoded, Source, decoded
from semclip.images.limits import Limits, errors_named
from semclip.images.pyramid import Pyramid
from semclip.types import Pixels

ImageSource = str | os.PathLike[str] | bytes | PILImage | NDArray[Any]
"""A path, a file's bytes, a PIL picture, or an (h, w, 3) array of uint8."""

_DEFAULT = Limits()


@final
class Image:
    """One picture, upright, in sRGB; implements protocols.Picture.

    The header is read, the pixels are not: they are decoded on the first call that needs them, at the smallest scale
    that serves it, and kept. A later call for less costs no decoding; a call for more decodes once again. Which calls
    came before can change a resized value by a rounding step. Several threads may share one. Every method that decodes
    raises ImageError where the pixels are broken, and ImageLimitError where they take too long.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pyramid = Pyramid(source)
        self._last: tuple[Size, PILImage] | None = None

    def __repr__(self) -> str:
        return f"Image({self.size})"

    @property
    def size(self) -> Size:
        """Of the original, upright."""
        return self._source.size

    @cached_property
    def digest(self) -> str:
        """Hex hash of the content: of the encoded bytes, or of size and pixels where no bytes were given."""
        return self._source.digest()

    def resized(self, size: Size, /) -> Pixels:
        """The whole image at `size`, (size.height, size.width, 3)."""
        last = self._last  # read once: another thread may be here
        if last is None or last[0] != size:
            # Kept: every question on a picture asks for the same overview.
            last = self._last = (size, self._pyramid.resized(size))
        return np.array(last[1])

    def crop(self, box: Box, /) -> Pixels:
        """The original pixels of `box`.

        Raises:
            GeometryError: the box leaves the image.
        """
        self._check(box)
        # Not PIL's crop, which warns of and refuses large boxes by a global limit.
        extent, region = (box.size.width, box.size.height), astuple(box)
        return np.array(self._pyramid.full().resize(extent, Resampling.NEAREST, box=region))

    def crops(self, boxes: Sequence[Box], size: Size, /) -> Pixels:
        """Each box resized to `size`, (n, size.height, size.width, 3).

        Boxes of one size that lie on a common lattice are resized together, once.

        Raises:
            GeometryError: a box leaves the image.
        """
        for box in boxes:
            self._check(box)
        return self._pyramid.crops(boxes, size)

    def undecoded(self) -> Image:
        """The same picture without the pixels that were decoded so far; it decodes its own when asked to."""
        return Image(self._source)

    def to_pil(self) -> PILImage:
        """A copy of the whole image."""
        return self._pyramid.full().copy()

    def _check(self, box: Box) -> None:
        if not box.within(self.size):
            raise GeometryError(f"a box needs to lie inside the image of {self.size}, got {box.to_list()}")


def load(source: ImageSource, /, limits: Limits = _DEFAULT) -> Image:
    """`source` as an Image, its header checked against `limits`.

    Raises:
        ImageError: it cannot be read, or is no picture of a known format.
        ImageLimitError: it is larger, or asks for more work, than `limits` admits.
    """
    match source:
        case bytes():
            return Image(Encoded.read(source, limits, name="the given bytes"))
        case str() | os.PathLike():
            return Image(Encoded.read(_file_bytes(source, limits), limits, name=os.fspath(source)))
        case pillow.Image():
            return Image(decoded(source, limits))
        case np.ndarray():
            return Image(_from_array(source, limits))
    raise ImageError(f"an image needs to be a path, bytes, a PIL picture or an array, got {type(source).__name__}")


def _file_bytes(path: str | os.PathLike[str], limits: Limits) -> bytes:
    try:
        with Path(path).open("rb") as file:
            # One byte more than admitted tells a file that is too long, even one that never ends.
            return file.read(limits.encoded_bytes + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"an image needs a file that can be read, got {str(path)!r}: {error}") from error


def _from_array(array: NDArray[Any], limits: Limits) -> Decoded:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ImageError(f"an array needs to be (h, w, 3) of uint8, got {array.shape} of {array.dtype}")
    with errors_named("the given array"):
        limits.check_size(array.shape[1], array.shape[0])
        return Decoded(pillow.fromarray(np.ascontiguousarray(array)))
