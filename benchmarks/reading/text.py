"""Readers of letters around another: one that enlarges pictures first, and one that reads no picture twice.

Know nothing of questions and answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import final

from PIL import Image
from PIL.Image import Image as PILImage

from semclip.files import write_atomic
from semclip.mining.readers.matching import Word
from semclip.mining.readers.ocr import ReadsText


@final
@dataclass(frozen=True)
class Enlarging:
    """Enlarges pictures `times`, bicubic, before `text` reads them; words are in enlarged pixels."""

    text: ReadsText
    times: int

    @property
    def fingerprint(self) -> str:
        return f"{self.text.fingerprint}, enlarged {self.times} times"

    def __call__(self, pictures: Sequence[PILImage], /) -> Sequence[Sequence[Word]]:
        """The words of each picture in reading order."""
        return self.text([self._enlarged(picture) for picture in pictures])

    def _enlarged(self, picture: PILImage) -> PILImage:
        size = (self.times * picture.width, self.times * picture.height)
        return picture.resize(size, Image.Resampling.BICUBIC)


@final
@dataclass(frozen=True)
class Remembering:
    """Has `text` read a picture once; what it read is kept in `folder` by the content of the picture.

    Any number of threads and processes may share the folder, and a killed run loses nothing.
    """

    text: ReadsText
    folder: Path

    @cached_property
    def fingerprint(self) -> str:
        return self.text.fingerprint

    def __call__(self, pictures: Sequence[PILImage], /) -> Sequence[Sequence[Word]]:
        """The words of each picture in reading order."""
        files = [self._file(picture) for picture in pictures]
        new = {file: picture for file, picture in zip(files, pictures, strict=True) if not file.exists()}
        for file, page in zip(new, self.text(list(new.values())) if new else (), strict=True):
            write_atomic(file, json.dumps([[word.text, word.edges] for word in page]).encode())
        return [_page(file) for file in files]

    def _file(self, picture: PILImage) -> Path:
        parts = (self.fingerprint, picture.mode, str(picture.size))
        key = hashlib.sha256("\0".join(parts).encode() + picture.tobytes()).hexdigest()
        return self.folder / key[:2] / f"{key}.json"


def _page(file: Path) -> list[Word]:
    words = json.loads(file.read_bytes())
    return [Word(text, (left, top, right, bottom)) for text, (left, top, right, bottom) in words]
