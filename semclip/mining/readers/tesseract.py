"""Tesseract, the program, through pytesseract: pictures in, words with their boxes out.

Knows nothing of answers, boxes of an image or rewards.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from semclip.errors import MissingExtra, ModelError, reason
from semclip.mining.readers.matching import Word

try:
    import pytesseract
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "pytesseract", extra="mine") from missing

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_WORD = 5
"""Level of a word in Tesseract's tables; pages, blocks, paragraphs and lines have lower ones."""


@final
@dataclass(frozen=True)
class Tesseract:
    """Reads pictures with one language's model; `layout` is Tesseract's page segmentation mode, 6 one block of text."""

    language: str = "eng"
    layout: int = 6

    @property
    def fingerprint(self) -> str:
        """Of the program's version, the language and the layout; not of the language's data, which a system has once.

        Raises: ModelError where the program or its language is missing.
        """
        with _running(self.language):
            version, languages = pytesseract.get_tesseract_version(), pytesseract.get_languages()
        if not set(self.language.split("+")) <= set(languages):
            advice = f"install tesseract-ocr-{self.language} or name one of {', '.join(languages)}"
            raise ModelError(f"tesseract needs data for the language {self.language}, got none; {advice}")
        return f"tesseract {version} {self.language} {self.layout}"

    def __call__(self, pictures: Sequence[PILImage], /) -> list[list[Word]]:
        """The words of each picture in reading order, in its pixels.

        All pictures are pages of one run: starting the program takes longer than reading a crop.

        Raises: ModelError where the program or its language is missing, or it fails.
        """
        if not pictures:
            return []
        with tempfile.TemporaryDirectory(prefix="semclip-") as folder, _running(self.language):
            table = pytesseract.image_to_data(
                str(_listed(pictures, Path(folder))),
                lang=self.language,
                config=f"--psm {self.layout}",
                output_type=pytesseract.Output.DICT,
            )
        pages: list[list[Word]] = [[] for _ in pictures]
        for row in zip(*(table[column] for column in _COLUMNS), strict=True):
            level, page, text, left, top, width, height = row
            if level == _WORD and text.strip():
                pages[page - 1].append(Word(text, (left, top, left + width, top + height)))
        return pages


_COLUMNS = ("level", "page_num", "text", "left", "top", "width", "height")


def _listed(pictures: Sequence[PILImage], folder: Path) -> Path:
    """The file that lists the pictures' files, which is how Tesseract takes several."""
    files = [folder / f"{number}.png" for number in range(len(pictures))]
    for file, picture in zip(files, pictures, strict=True):
        picture.save(file, compress_level=1)
    listed = folder / "pictures.txt"
    listed.write_text("".join(f"{file}\n" for file in files), encoding="utf-8")
    return listed


@contextmanager
def _running(language: str) -> Iterator[None]:
    """A block in which what Tesseract raises becomes one line of ModelError, and it runs on one thread.

    Its threads cost more than they give on a crop, and only the environment limits them.
    """
    _limit.enter()
    try:
        yield
    except pytesseract.TesseractNotFoundError as error:
        advice = "install it, on Debian and Ubuntu: apt-get install tesseract-ocr"
        raise ModelError(f"the reader ocr needs the program tesseract, got none on the PATH; {advice}") from error
    except (pytesseract.TesseractError, OSError) as error:
        advice = f"check its language {language} and the room in the temporary folder"
        raise ModelError(f"tesseract could not read ({reason(error)}); {advice}") from error
    finally:
        _limit.leave()


@final
class _ThreadLimit:
    """OMP_THREAD_LIMIT of 1 in the environment while anyone is inside; then what it was before.

    It must not outlast the program that it is for: with it in their environment, libraries that count on two threads
    wait for the second one for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: str | None = None

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = os.environ.get(_LIMIT)
                os.environ[_LIMIT] = "1"
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside:
                return
            if self._before is None:
                del os.environ[_LIMIT]
            else:
                os.environ[_LIMIT] = self._before


_LIMIT = "OMP_THREAD_LIMIT"
_limit = _ThreadLimit()
