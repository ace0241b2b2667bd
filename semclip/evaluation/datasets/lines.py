"""Questions as JSON lines: those of POPE, and semclip's own logs.

POPE (Li et al., Evaluating Object Hallucination in Large Vision-Language Models, arXiv 2305.10355), *_pope_*.json:
    {"question_id", "image": "COCO_val2014_....jpg", "text", "label": "yes" | "no"}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from semclip.errors import LogError
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.datasets.reading import Row, Rows, as_items, image_folder, name_of
from semclip.logs import BadLine, check_rows, open_log
from semclip.logs.lines import decode_lines, unreadable
from semclip.logs.rows import Place, shown, text


def read_pope(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the file; pictures are named relative to `images`."""
    return as_items(_lines(path, image_folder(path, images, "val2014", "images")), _pope)


def read_own(path: Path, images: Path | None) -> Iterator[Item | BadLine]:
    """Yield the questions of the log that have an answer."""
    for row in check_rows(open_log(path, format="jsonl", images=images), path, needs=("answers",), files=False):
        if isinstance(row, BadLine):
            yield row
        else:
            yield Item(
                id=str(row.id),
                image=row.image,
                question=row.question,
                answers=row.answers,
                evidence=row.evidence,
                category=row.category or "",
                split=row.split or "",
            )


def _lines(path: Path, images: Path) -> Rows:
    try:
        with path.open("rb") as lines:
            yield from decode_lines(lines, path, images)
    except OSError as error:
        raise unreadable(path, error) from error


def _pope(row: Row, place: Place) -> Item:
    label = text(row, "label").strip().lower()
    if label not in ("yes", "no"):
        raise LogError(f"'label' needs yes or no, got {shown(row['label'])}")
    return Item(
        id=name_of(row, "question_id"),
        image=place.images / text(row, "image"),
        question=text(row, "text"),
        answers=(label,),
    )
