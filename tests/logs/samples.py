"""Logs as files, and rows that cannot be used, each with why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def row(number: int, **changes: Any) -> Row:
    """A good row; a change to ... leaves the field out."""
    good = {
        "id": f"row-{number}",
        "image": "a.png",
        "question": "What does the sign say?",
        "answers": ["exit"],
        "evidence": [[1, 2, 3, 4]],
        "width": 10,
        "height": 20,
        "split": "dev" if number % 4 == 0 else "train",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


BAD: tuple[tuple[bytes | Row, str], ...] = (
    (b"{", "a line needs one JSON object: "),
    (b"\xff\xfe", "a line needs one JSON object: "),
    (b"[1, 2]", "a line needs one JSON object, got [1, 2]"),
    ({"question": ...}, "'question' is missing"),
    ({"question": "\t"}, "'question' needs text, got "),
    ({"image": 7}, "'image' needs text, got 7"),
    ({"image": "none.png"}, "'image' needs a file, got "),
    ({"id": "row-1"}, "an earlier line has the id too, got 'row-1'"),
    ({"evidence": [[3, 2, 1, 4]]}, "an evidence box needs left < right"),
    ({"evidence": [[1, 2, 11, 4]]}, "an evidence box needs to lie inside the stated 10x20"),
    ({"width": ...}, "'width' and 'height' need two whole numbers or neither"),
    ({"answers": "exit"}, "'answers' needs a list, got "),
    ({"answers": [" "]}, "'answers' needs one that is not blank, got "),
)
"""Lines, or changes to a good row, and how the reason begins; the last where answers are needed."""


ASK = "Please provide the bounding box coordinate of the region that can help you answer the question better."


def talk(*values: str, first: str = "human") -> list[dict[str, str]]:
    speakers = ["human", "gpt"] if first == "human" else ["gpt", "human"]
    return [{"from": speakers[place % 2], "value": value} for place, value in enumerate(values)]


def boxed(**changes: Any) -> dict[str, Any]:
    """As the tools of Visual-CoT write it."""
    return {
        "dataset": "sroie",
        "split": "val",
        "image": ["cot/a.jpg", "cot/a.jpg###[86, 208, 840, 257]"],
        "conversations": talk(f"<image>\nWhat is the company? {ASK}", "[0.297, 0.111, 0.700, 0.137]", "<image>", "GIN"),
        **changes,
    }


def flat(**changes: Any) -> dict[str, Any]:
    """As the metadata of Visual-CoT has it."""
    return {
        "question": "What is the company?",
        "answer": "GIN",
        "possible_answers": ["GIN", "GIN KEE"],
        "image": "a.jpg",
        "width": 900,
        "height": 2000,
        "bboxs": [[86, 208, 840, 257]],
        **changes,
    }


def write_lines(path: Path, *rows: bytes | Row) -> Path:
    path.write_bytes(b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in rows))
    return path


def write_list(path: Path, *rows: Any) -> Path:
    path.write_text(json.dumps(rows, indent=1))
    return path


def write_mixed(path: Path, *, rows: int, every: int) -> dict[int, str]:
    """How the reason for each bad line begins: of `rows` lines every `every`-th is bad, in turns of each kind."""
    lines: list[bytes | Row] = []
    expected = {}
    for number in range(1, rows + 1):
        change, reason = BAD[number // every % len(BAD)]
        if number % every:
            lines.append(row(number))
        else:
            lines.append(change if isinstance(change, bytes) else row(number, **change))
            expected[number] = reason
    write_lines(path, *lines)
    (path.parent / "a.png").touch()
    return expected
