"""Rows of other formats as rows of ours: LLaVA's conversations and Visual-CoT's boxes.

Each function takes one row and the id that it goes by, and yields rows with our fields; whether those hold together is
for rows.py. Raises LogError for a row that is none of its format.

LLaVA: {"id", "image", "conversations": [{"from": "human" | "gpt", "value"}]}, as in its docs/Finetune_Custom_Data.md.
Visual-CoT (Shao et al., arXiv 2403.16999), as its tools/convert_data_to_llava_format.py reads it and writes it:

    {"question", "answer", "possible_answers", "image", "width", "height", "bboxs", "split"}
    {"image": ["a.jpg", "a.jpg###[86, 208, 840, 257]"], "conversations": [question, shares, "<image>", answer]}

The box behind ### is in pixels of the picture. The shares that the conversation names are of the picture padded to a
square, and rounded: they are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from semclip.errors import LogError
from semclip.logs.rows import LogId, items, shown

Row = dict[str, Any]

BOX_MARK = "###"

_PICTURE = re.compile(r"\s*<image>\s*")
_BOX_WANTED = re.compile(
    r"\s*Please (think step by step and )?provide the bounding box coordinates? of the region"
    r" that can help you answer the question better\.?"
)
_BOX_FIELDS = ("bboxs", "bboxes", "boxes", "bbox")


def is_llava(row: Row) -> bool:
    """Whether the row is a conversation; Visual-CoT's are, too."""
    return "conversations" in row


def is_visual_cot(row: Row) -> bool:
    """Whether the row says where its boxes are as no other format does."""
    images = row.get("image")
    marked = isinstance(images, list) and any(isinstance(image, str) and BOX_MARK in image for image in images)
    return marked if is_llava(row) else _BOX_FIELDS[0] in row


def from_llava(row: Row, known_as: LogId) -> Iterator[Row]:
    """Yield a question for each human turn, with the turn of gpt that follows it as its answer where there is one.

    The first goes by the row's id, the others by "<id>-2", "<id>-3" and so on.
    """
    images = _images(row)
    if len(images) != 1:
        raise LogError(f"a conversation needs one image, got {len(images)}")
    talk = _talk(row)
    asked = [turn for turn, (who, _) in enumerate(talk) if who == "human"]
    for number, turn in enumerate(asked, start=1):
        answers = [said for who, said in talk[turn + 1 : turn + 2] if who == "gpt"]
        name = known_as if number == 1 else f"{known_as}-{number}"
        yield {**row, "id": name, "image": images[0], "question": _without_picture(talk[turn][1]), "answers": answers}


def from_visual_cot(row: Row, known_as: LogId) -> Iterator[Row]:
    """Yield the one question of the row, with its boxes as evidence."""
    asked = _from_boxed_talk(row) if is_llava(row) else _from_boxes(row)
    boxes = asked["evidence"]
    if any(_is_share(box) for box in boxes):
        raise LogError(f"a box needs to be in pixels, got {shown(boxes)}")
    yield {**row, **asked, "id": known_as}


def _from_boxes(row: Row) -> Row:
    boxes = next((items(row, name) for name in _BOX_FIELDS if name in row), [])
    if boxes and not isinstance(boxes[0], list):
        boxes = [boxes]
    given = [row.get("answer"), *items(row, "answers"), *items(row, "possible_answers")]
    answers = [answer for place, answer in enumerate(given) if answer is not None and answer not in given[:place]]
    return {"evidence": boxes, "answers": answers}


def _from_boxed_talk(row: Row) -> Row:
    images = _images(row)
    names = {image.partition(BOX_MARK)[0] for image in images}
    if len(names) != 1:
        raise LogError(f"a conversation needs one image, got {len(names)}")
    talk = _talk(row)
    if [who for who, _ in talk] != ["human", "gpt"] * 2:
        raise LogError(f"a conversation about a box needs the turns human, gpt, human, gpt, got {len(talk)} others")
    question = _without_picture(_BOX_WANTED.sub("", talk[0][1]))
    boxes = [_marked(image) for image in images if BOX_MARK in image]
    return {"image": names.pop(), "question": question, "answers": [talk[3][1]], "evidence": boxes}


def _is_share(box: object) -> bool:
    """Whether the box is one of shares of the picture, from 0 to 1."""
    return isinstance(box, list) and bool(box) and all(isinstance(edge, int | float) and edge <= 1 for edge in box)


def _marked(image: str) -> Any:
    """The box behind the mark."""
    written = image.partition(BOX_MARK)[2]
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise LogError(f"a box behind {BOX_MARK} needs to be a JSON list, got {shown(written)}") from error


def _images(row: Row) -> list[str]:
    given = row.get("image")
    listed = given if isinstance(given, list) else [given]
    images = [image for image in listed if isinstance(image, str)]
    if len(images) < len(listed):
        raise LogError("'image' is missing" if given is None else f"'image' needs a path, got {shown(given)}")
    return images


def _talk(row: Row) -> list[tuple[str, str]]:
    """Who says what, in order, from the first human turn on, where LLaVA too begins to read."""
    talk = [_turn(turn) for turn in items(row, "conversations")]
    first = next((place for place, (who, _) in enumerate(talk) if who == "human"), None)
    if first is None:
        raise LogError("'conversations' needs a turn from 'human', got none")
    return talk[first:]


def _turn(turn: object) -> tuple[str, str]:
    match turn:
        case {"from": str(who), "value": str(value)}:
            return who, value
    raise LogError(f"'conversations' needs turns with 'from' and 'value', got {shown(turn)}")


def _without_picture(value: str) -> str:
    """The text without the token that stands for the picture, and the space around it."""
    return _PICTURE.sub(" ", value).strip()
