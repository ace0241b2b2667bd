"""Encoded pictures for tests, made here: nothing is read from disk."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags
from PIL import Image as pillow
from PIL.Image import Image as PILImage

from semclip.types import Pixels


def picture(width: int = 48, height: int = 32) -> PILImage:
    """A smooth picture whose four corners and both axes differ."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 255 // max(1, width - 1), y * 255 // max(1, height - 1)
    return pillow.fromarray(np.stack([red, green, (red + green) // 3], axis=-1).astype(np.uint8))


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def same(left: PILImage | Pixels, right: PILImage | Pixels) -> bool:
    return np.array_equal(np.asarray(left), np.asarray(right))


def encoded(image: PILImage, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> pillow.Exif:
    block = pillow.Exif()
    block[ExifTags.Base.Orientation] = orientation
    return block


def exif_segment(tags: bytes) -> bytes:
    """A JPEG segment with little-endian directories that begin with `tags`."""
    return jpeg_segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<I", 8) + tags)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, spare: bytes = b"") -> bytes:
    """A black PNG of one bit a pixel with `chunks` before the pixels and `spare` after the last row."""
    raw = bytes(1 + (width + 7) // 8) * height + spare
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", zlib.compress(raw)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def after_start(jpeg: bytes, segments: bytes) -> bytes:
    """`jpeg` with `segments` first."""
    return jpeg[:2] + segments + jpeg[2:]
