"""Benchmarks in their published formats, with a question or a few each."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from semclip.evaluation.datasets.items import Dataset, Item
from semclip.logs import BadLine


def png(red: int = 0) -> bytes:
    """A picture; incompressible enough that its base64 is longer than an index."""
    buffer = io.BytesIO()
    Image.effect_noise((16, 16), 64 + red).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def items(dataset: Dataset) -> list[Item]:
    """Its questions, where every row of it is one."""
    rows = list(dataset.read())
    assert [row.reason for row in rows if isinstance(row, BadLine)] == []
    return [row for row in rows if isinstance(row, Item)]


def reasons(dataset: Dataset) -> list[str]:
    """Why rows of it are bad, "" for those that are not."""
    return [row.reason if isinstance(row, BadLine) else "" for row in dataset.read()]


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_table(path: Path, *rows: Sequence[object], delimiter: str = "\t") -> Path:
    """As pandas writes it: cells in quotation marks where they need them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return path


def write_vstar(folder: Path, **changes: Any) -> Path:
    """Two questions, one of each published category."""
    asked = {
        "target_object": ["the bus"],
        "bbox": [[10, 20, 30, 40.5]],
        "question": "What is the color of the bus?",
        "options": ["The color of the bus is red.", "The color of the bus is blue."],
        **changes,
    }
    for category, stem, suffix in (("direct_attributes", "sa_1", ".jpg"), ("relative_position", "sa_2", ".png")):
        write_json(folder / category / f"{stem}.json", asked)
        (folder / category / f"{stem}{suffix}").write_bytes(png())
    return folder


HR_BENCH = ("index", "question", "answer", "A", "B", "C", "D", "category", "cycle_category", "image")


def write_hr_bench(path: Path) -> Path:
    """Two questions with the same words about different pictures, each in four cycles."""
    texts = ["red", "blue", "green", "white"]
    pictures = [encoded(png()), encoded(png(1))]
    rows = [
        [4 * asked + cycle, "What colour?", "ABCD"[cycle], *texts[-cycle:], *texts[:-cycle], "single", cycle, picture]
        for asked, picture in enumerate(pictures)
        for cycle in range(4)
    ]
    return write_table(path, HR_BENCH, *([cell for cell in row] for row in rows))


def write_mmvp(folder: Path, *rows: Sequence[object], index: str = "lndex") -> Path:
    (folder / "MMVP Images").mkdir(parents=True)
    for number in (1, 2):
        Image.new("RGB", (8, 8)).save(folder / "MMVP Images" / f"{number}.jpg")
    wings = "Are the butterfly's wings closer to being open or closed?"
    published = [[1, wings, "(a) Open (b) Closed", "(a)"], [2, wings, "(a) Open (b) Closed", "(b)"]]
    head = [index, "Question", "Options", "Correct Answer"]
    write_table(folder / "Questions.csv", head, *(rows or published), delimiter=",")
    return folder


TEXTVQA = {
    "dataset_type": "val",
    "dataset_name": "textvqa",
    "dataset_version": "0.5.1",
    "data": [
        {
            "question": "what is the name of the runner on the left?",
            "image_id": "003a8ae2ef43b901",
            "image_classes": ["Footwear"],
            "image_width": 1024,
            "image_height": 664,
            "answers": ["willis"] * 9 + ["bob"],
            "question_tokens": ["what"],
            "question_id": 34602,
            "set_name": "val",
        }
    ],
}
DOCVQA = {
    "dataset_name": "SP-DocVQA",
    "dataset_split": "val",
    "data": [
        {
            "questionId": 49153,
            "question": "What is the date?",
            "question_types": ["form"],
            "image": "documents/pybv0228_81.png",
            "docId": 14465,
            "answers": ["1/8/93", "1/8/1993"],
            "data_split": "val",
        }
    ],
}
INFOVQA = {
    "dataset_name": "infographicVQA",
    "data": [
        {
            "questionId": 98313,
            "question": "How many?",
            "image_local_name": "38579.jpeg",
            "image_url": "",
            "ocr_output_file": "38579.json",
            "answers": ["four", "4"],
        }
    ],
}
GQA = {
    "201307251": {
        "semantic": [],
        "entailed": [],
        "equivalent": ["201307251"],
        "question": "Is it overcast?",
        "imageId": "n161313",
        "isBalanced": True,
        "groups": {"global": None, "local": "13-weather"},
        "answer": "no",
        "types": {"detailed": "weatherVerify", "semantic": "global", "structural": "verify"},
        "fullAnswer": "No, it is clear.",
    }
}
POPE = {
    "question_id": 1,
    "image": "COCO_val2014_000000310196.jpg",
    "text": "Is there a snowboard in the image?",
    "label": "yes",
}
MME_REALWORLD = [
    {
        "Question_id": "perception/monitoring/vehicle/0310",
        "Image": "monitoring_images/9999998.jpg",
        "Text": "What is the number of buses in the image?",
        "Question Type": "Multiple Choice",
        "Answer choices": ["(A) 13", "(B) 90", "(C) 77", "(D) 6", "(E) The image does not feature the buses"],
        "Ground truth": "E",
        "Category": "Vehicle/counting",
        "Subtask": "Monitoring",
        "Task": "Perception",
    }
]
OWN = {
    "id": 7,
    "image": "images/1.png",
    "question": "What does it say?",
    "answers": ["EXIT"],
    "evidence": [[1, 2, 3, 4]],
}
