"""VLMEvalKit's tables and HR-Bench, which is one: tab-separated, with pictures inside as base64.

    index, question, A, B, C, ..., answer, category, image | image_path, hint

As vlmeval/dataset/image_base.py and image_mcq.py of VLMEvalKit read them. A cell of `image` of at most 64 characters is
the index of the row that has the picture; `hint` comes before the question. HR-Bench (Wang et al., Divide, Conquer and
Combine, arXiv 2408.15556) asks each of its questions with four orders of the options, which `cycle_category` numbers.
"""

from __future__ import annotations

import ast
import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from string import ascii_uppercase
from typing import final

from semclip.errors import LogError
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.datasets.reading import Row, as_items, image_folder, letter_place
from semclip.evaluation.datasets.tables import header, read_records, read_table
from semclip.logs import BadLine
from semclip.logs.rows import Place, shown, text

LONGEST_INDEX = 64
"""Characters of an image cell that is the index of another row; a longer one is a picture."""


@final
class Pictures:
    """The pictures in the table `path`; remembers where rows start, not pixels, and only once a row is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def cell(self, index: str) -> str:
        """The base64 of the picture in the row of that index; LogError where no row has both."""
        if index not in self._starts:
            raise LogError(f"'image' needs base64 or the index of a row that has it, got {shown(index)}")
        record = next(read_records(self._path, "\t", start=self._starts[index]))
        return record.cells[self._columns[1]]

    @cached_property
    def _columns(self) -> tuple[int, int]:
        names = header(self._path, next(read_records(self._path, "\t"), None))
        return names.index("index"), names.index("image")

    @cached_property
    def _starts(self) -> dict[str, int]:
        index, image = self._columns
        records = (one for one in read_records(self._path, "\t") if len(one.cells) > max(index, image))
        return {one.cells[index]: one.start for one in records if len(one.cells[image]) > LONGEST_INDEX}


def read_vlmevalkit(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the table; paths in `image_path` are relative to `images`."""
    rows = read_table(path, "\t", image_folder(path, images, "images"))
    return as_items(rows, partial(_item, pictures=Pictures(path)))


def read_hr_bench(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the rows of the table; the cycles of one question are a group."""
    rows = read_table(path, "\t", image_folder(path, images, "images"))
    return as_items(rows, partial(_cycle, pictures=Pictures(path)))


def _cycle(row: Row, place: Place, *, pictures: Pictures) -> Item:
    item = _item(row, place, pictures=pictures)
    # Cycles are told by what they share: the order of rows and the meaning of `index` are nowhere stated.
    asked = [item.question, *sorted(item.options)]
    seen = item.image if isinstance(item.image, bytes) else str(item.image).encode()
    return replace(item, group=hashlib.sha256("\0".join(asked).encode() + seen).hexdigest()[:16])


def _item(row: Row, place: Place, *, pictures: Pictures) -> Item:
    letters = [letter for letter in ascii_uppercase if row.get(letter, "").strip()]
    options = tuple(row[letter].strip() for letter in letters)
    right = letter_place(row, "answer", letters) if options else None
    return Item(
        id=text(row, "index"),
        image=_image(row, place, pictures),
        question="\n".join(part for part in (row.get("hint", "").strip(), text(row, "question").strip()) if part),
        answers=_answers(text(row, "answer")) if right is None else (options[right],),
        options=options,
        right=right,
        category=row.get("category", "").strip(),
    )


def _answers(cell: str) -> tuple[str, ...]:
    """The texts of a cell that holds a list as Python writes it, or the cell itself."""
    if cell.startswith("["):
        try:
            values = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return (cell,)
        if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
            return tuple(values)
    return (cell,)


def _image(row: Row, place: Place, pictures: Pictures) -> Path | bytes:
    cell = row.get("image", "").strip()
    if not cell:
        return place.images / text(row, "image_path")
    if cell.startswith("["):
        raise LogError(f"'image' needs one picture, got {shown(cell)}")
    picture = cell if len(cell) > LONGEST_INDEX else pictures.cell(cell)
    try:
        return base64.b64decode(picture, validate=True)
    except ValueError as error:
        raise LogError(f"'image' needs base64, got {shown(cell)}: {error}") from error
