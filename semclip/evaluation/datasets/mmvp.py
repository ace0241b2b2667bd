"""MMVP: Questions.csv beside a folder of pictures; two questions in a row are a pair, right only where both are.

    Index,Question,Options,Correct Answer
    1,Are the butterfly's wings closer to being open or closed?,(a) Open (b) Closed,(a)

As the README of MMVP shows it (Tong et al., Eyes Wide Shut?, arXiv 2401.06209). Row 1 asks about 1.jpg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from semclip.errors import LogError
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.datasets.reading import Row, as_items, image_folder, letter_place
from semclip.evaluation.datasets.tables import read_table
from semclip.logs import BadLine
from semclip.logs.rows import Place, shown, text

TABLE = "Questions.csv"

_INDEX = "lndex"
"""What the published header says: an L where the I should be."""
_OPTION = re.compile(r"\(([a-z])\)\s*(.*?)\s*(?=\([a-z]\)|$)", re.DOTALL)


def read_mmvp(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the table `path`, or of the one in the folder `path`."""
    table = path / TABLE if path.is_dir() else path
    return as_items(read_table(table, ",", image_folder(table, images, "MMVP Images")), _item)


def _item(row: Row, place: Place) -> Item:
    index = text(row, _INDEX if _INDEX in row else "Index").strip()
    if not (index.isascii() and index.isdigit()):
        raise LogError(f"'Index' needs a whole number, got {shown(index)}")
    found = _OPTION.findall(text(row, "Options"))
    if not found:
        raise LogError(f"'Options' needs text like (a) one (b) other, got {shown(row['Options'])}")
    options = tuple(option for _, option in found)
    right = letter_place(row, "Correct Answer", [letter.upper() for letter, _ in found])
    return Item(
        id=index,
        image=place.images / f"{index}.jpg",
        question=text(row, "Question"),
        answers=(options[right],),
        options=options,
        right=right,
        group=str((int(index) + 1) // 2),
    )
