"""The directories of a TIFF file, which an EXIF block is too: how the picture is turned, and whether they are sane.

Knows nothing of pixels. https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, section 2; BigTIFF widens the
offsets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from semclip.errors import ImageError
from semclip.images.limits import Tally

EXIF_PREFIX = b"Exif\0\0"

_ORIENTATION = 0x0112
_POINTERS = (0x8769, 0x8825, 0xA005)  # EXIF, GPS and interoperability directories
_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class _Entry(NamedTuple):
    tag: int
    type: int
    length: int
    value: bytes

    @property
    def size(self) -> int:
        return self.length * _TYPE_BYTES.get(self.type, 1)


@dataclass(frozen=True, slots=True)
class _Directories:
    block: bytes
    order: str
    big: bool

    def number(self, code: str, at: int) -> int:
        """The number at `at`; 0 beyond the end, which is also how a chain of directories ends."""
        size = struct.calcsize(self.order + code)
        if at + size > len(self.block):
            return 0
        return int(struct.unpack_from(self.order + code, self.block, at)[0])

    def first(self) -> int:
        return self.number("Q", 8) if self.big else self.number("I", 4)

    def count(self, at: int) -> int:
        return self.number("Q" if self.big else "H", at)

    def following(self, at: int) -> int:
        if self.big:
            return self.number("Q", at + 8 + 20 * self.count(at))
        return self.number("I", at + 2 + 12 * self.count(at))

    def entries(self, at: int) -> Iterator[_Entry]:
        head, layout = (8, "HHQ8s") if self.big else (2, "HHI4s")
        layout = self.order + layout
        start, size = at + head, struct.calcsize(layout)
        for position in range(start, start + size * self.count(at), size):
            if position + size > len(self.block):
                return
            yield _Entry(*struct.unpack_from(layout, self.block, position))

    def integer(self, entry: _Entry) -> int:
        """The one whole number that `entry` holds.

        Raises:
            ImageError: it holds none, or several.
        """
        code = _INTEGERS.get(entry.type)
        if entry.length != 1 or code is None:
            raise ImageError(f"tag {entry.tag} needs one whole number, got {entry.length} of type {entry.type}")
        return int(struct.unpack_from(self.order + code, entry.value)[0])


def orientation(block: bytes, tally: Tally) -> int:
    """How the picture is turned, 1 to 8 as in EXIF; 1 where nothing (or nothing sensible) is said.

    `block` is an EXIF block, with its prefix or without, or a whole TIFF file.

    Raises:
        ImageError: the directories form a loop, or the orientation is no number.
        ImageLimitError: too many pages, or tags too large in total.
    """
    directories = _directories(block.removeprefix(EXIF_PREFIX))
    if directories is None:
        return 1
    chain = _chain(directories, tally)
    if not chain:
        return 1
    turn = 1
    for entry in _measured(directories, chain[0], tally):
        if entry.tag == _ORIENTATION:
            turn = directories.integer(entry)
        elif entry.tag in _POINTERS:
            _check_branch(directories, entry, chain, tally)
    return turn if 1 <= turn <= 8 else 1


def _directories(block: bytes) -> _Directories | None:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return None
    version = struct.unpack_from(order + "H", block, 2)[0]
    return _Directories(block, order, version == 43)


def _chain(directories: _Directories, tally: Tally) -> list[int]:
    """Where each page's directory starts."""
    chain: dict[int, None] = {}
    at = directories.first()
    while at:
        if at in chain:
            raise ImageError(f"the TIFF or EXIF directories need an end, got a loop at byte {at}")
        tally.tick()
        tally.add_frame()
        chain[at] = None
        at = directories.following(at)
    return list(chain)


def _measured(directories: _Directories, at: int, tally: Tally) -> Iterator[_Entry]:
    """The entries at `at`, each counted with the memory that a reader of its value needs."""
    for entry in directories.entries(at):
        tally.add_metadata(min(entry.size, len(directories.block)))
        yield entry


def _check_branch(directories: _Directories, pointer: _Entry, chain: list[int], tally: Tally) -> None:
    at = directories.integer(pointer)
    if at in chain:
        raise ImageError(f"the TIFF or EXIF directories need an end, got a loop at byte {at}")
    for _ in _measured(directories, at, tally):
        tally.tick()
