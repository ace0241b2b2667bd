"""What encoded bytes say before any pixel is decoded: the format, the EXIF block, and whether they are a trap.

One pass over the structure of the file. It refuses what a decoder could not be stopped from doing: thousands of scans,
frames, segments, or data that no pixel needs. Knows nothing of Pillow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from struct import unpack_from

from semclip.errors import ImageError
from semclip.images.limits import Tally
from semclip.images.tiff import EXIF_PREFIX

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")

_SIGNATURES = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM", "BMP"),
    (rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]", "TIFF"),
    (rb"RIFF....WEBP", "WEBP"),
    (rb"....ftyp(avif|avis|.{4,60}avif)", "AVIF"),
)
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SPARE_BYTES = 64 << 10


def sniff(data: bytes) -> str:
    """The format, one of FORMATS, told from the first bytes alone.

    Raises:
        ImageError: it is none of them, or it is a ZIP archive as well.
    """
    names = (name for signature, name in _SIGNATURES if re.match(signature, data[:80], re.DOTALL))
    name = next(names, None)
    if name is None:
        raise ImageError(f"a picture needs to be one of {', '.join(FORMATS)}, got bytes that begin {data[:8]!r}")
    if _ends_as_zip(data):
        raise ImageError(f"a picture needs to be nothing else, got {name} that is a ZIP archive as well")
    return name


def exif_block(data: bytes, kind: str, tally: Tally) -> bytes:
    """The EXIF block, empty where there is none; a TIFF file is its own.

    Raises:
        ImageError: the structure contradicts itself.
        ImageLimitError: the file holds more of something than the limits admit.
    """
    return _READERS[kind](data, tally)


def _ends_as_zip(data: bytes) -> bool:
    """Whether a ZIP reader, which starts at the end, would accept the file."""
    at = data.rfind(b"PK\x05\x06", -22 - 65_535)
    return at >= 0 and at + 22 <= len(data) and at + 22 + unpack_from("<H", data, at + 20)[0] == len(data)


def _jpeg(data: bytes, tally: Tally) -> bytes:
    exif = b""
    for marker, body in _jpeg_segments(data, tally):
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            tally.add_metadata(len(body))
        if marker == 0xE1 and body.startswith(EXIF_PREFIX):
            exif += body[len(EXIF_PREFIX) :]
    # An over-count (thumbnails, appended video) is told from a real one by the slower walk.
    if data.count(b"\xff\xda") > tally.limits.scans:
        tally.limits.check("scans", _jpeg_scans(data, tally))
    return exif


def _jpeg_segments(data: bytes, tally: Tally) -> Iterator[tuple[int, bytes]]:
    """(marker, body) up to the first scan; junk between segments is skipped, as decoders do."""
    at = data.find(b"\xff", 2)
    while 0 <= at < len(data) - 4 and data[at + 1] not in (0xD9, 0xDA):
        tally.tick()
        if data[at + 1] in (0x00, 0x01, 0xFF) or 0xD0 <= data[at + 1] <= 0xD7:
            at += 1
        else:
            length = unpack_from(">H", data, at + 2)[0]
            yield data[at + 1], data[at + 4 : at + 2 + length]
            at += 2 + length
        at = data.find(b"\xff", at)


def _jpeg_scans(data: bytes, tally: Tally) -> int:
    """Scans up to the end of the image; stops counting where the limit is passed."""
    marker = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
    scans, at = 0, 2
    while scans <= tally.limits.scans and (found := marker.search(data, at)):
        tally.tick()
        code, at = data[found.start() + 1], found.end()
        if code == 0xD9:
            break
        scans += code == 0xDA
        if code != 0xD8 and at + 2 <= len(data):
            at += unpack_from(">H", data, at)[0]
    return scans


def _png(data: bytes, tally: Tally) -> bytes:
    exif, packed = b"", 0
    for kind, start, length in _png_chunks(data, tally):
        if kind == b"IDAT":
            packed += length
        elif kind == b"fcTL":
            tally.add_frame()
        elif kind != b"fdAT":
            tally.add_metadata(length)
        if kind == b"eXIf":
            exif = data[start : start + length]
    if len(data) >= 33 and packed > 2 * _png_raw_bytes(data) + _SPARE_BYTES:
        raise ImageError(f"a PNG needs no more data than its pixels, got {packed} bytes for {_png_raw_bytes(data)}")
    return exif


def _png_chunks(data: bytes, tally: Tally) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, length) of each chunk's body."""
    at = 8
    while at + 8 <= len(data):
        tally.tick()
        length, kind = unpack_from(">I4s", data, at)
        yield kind, at + 8, length
        at += 12 + length


def _png_raw_bytes(data: bytes) -> int:
    """What the pixels take unpacked, with the filter byte that each row carries."""
    width, height, depth, color = unpack_from(">IIBB", data, 16)
    return int(height * (1 + (width * depth * _PNG_CHANNELS.get(color, 4) + 7) // 8))


def _gif(data: bytes, tally: Tally) -> bytes:
    if len(data) < 13:
        return b""
    at = 13 + _gif_palette_bytes(data[10])
    while at < len(data) and data[at] != 0x3B:
        tally.tick()
        if data[at] == 0x2C and at + 10 <= len(data):
            tally.add_frame()
            at = _gif_after_blocks(data, at + 11 + _gif_palette_bytes(data[at + 9]), tally)
        elif data[at] == 0x21:
            end = _gif_after_blocks(data, at + 2, tally)
            tally.add_metadata(end - at)
            at = end
        else:
            at += 1
    return b""


def _gif_palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_after_blocks(data: bytes, at: int, tally: Tally) -> int:
    while at < len(data) and data[at]:
        tally.tick()
        at += data[at] + 1
    return at + 1


def _webp(data: bytes, tally: Tally) -> bytes:
    exif, at = b"", 12
    while at + 8 <= len(data):
        tally.tick()
        kind, length = unpack_from("<4sI", data, at)
        if kind == b"VP8X" and at + 18 <= len(data):
            _check_webp_canvas(data[at + 12 : at + 18], tally)
        elif kind == b"ANMF":
            tally.add_frame()
        elif kind not in (b"VP8 ", b"VP8L", b"ALPH"):
            tally.add_metadata(length)
        if kind == b"EXIF":
            exif = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return exif


def _check_webp_canvas(sides: bytes, tally: Tally) -> None:
    # Checked here, not after opening: opening allocates the canvas.
    width, height = (1 + int.from_bytes(side, "little") for side in (sides[:3], sides[3:]))
    tally.limits.check_size(width, height)


def _whole(data: bytes, _: Tally) -> bytes:
    return data


def _nothing(_: bytes, __: Tally) -> bytes:
    return b""


_READERS: dict[str, Callable[[bytes, Tally], bytes]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "TIFF": _whole,
    "BMP": _nothing,
    "AVIF": _nothing,
}
