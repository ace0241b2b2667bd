"""Logs and pictures that are made in no time, and functions that read them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from semclip.geometry import Box, Size
from tests.fakes import spotted

SIZE = Size(64, 48)
SPOT = Box(8, 8, 16, 14)


def redness(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """The share of a crop that is red."""
    red, green, _ = np.asarray(crop, float).transpose(2, 0, 1)
    return float((red > 2 * green).mean())


def slowly(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """As `redness`, with time enough to be killed in."""
    time.sleep(0.005)
    return redness(crop, question, answers)


def failing(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """Fails on questions about blue things, and says too much of green ones."""
    if "blue" in question:
        raise RuntimeError("no blue")
    return 2.0 if "green" in question else 1.0


def make_picture(path: Path, spot: Box = SPOT, size: Size = SIZE) -> Path:
    """A grey picture with one red spot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(spotted(size, {spot: (255, 0, 0)})).save(path)
    return path


def make_row(number: int, **changes: Any) -> dict[str, Any]:
    """A row of a log about one of four pictures; `...` leaves a field out."""
    picture = number // 3 % 4
    row = {
        "id": f"row-{number}",
        "image": f"pictures/{picture}.png",
        "question": f"where is the red spot number {number}?",
        "answers": [f"here {number}"],
        "evidence": [spot(picture).to_list()],
        "split": "dev" if number % 10 == 9 else "train",
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not ...}


def spot(picture: int) -> Box:
    """Where the spot of a picture of `make_log` is."""
    return Box(8 + 10 * picture, 8, 14 + 10 * picture, 14)


def make_log(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """A log of these rows beside the four pictures that they ask about."""
    for picture in range(4):
        make_picture(folder / f"pictures/{picture}.png", spot(picture))
    log = folder / "questions.jsonl"
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return log


def files(folder: Path) -> dict[str, bytes]:
    """What has to be the same however a job ran: all shards, and the rejects."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".parquet", ".jsonl")}


def vanishing(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """Ends its process, as the system does where memory runs out."""
    os._exit(9)


def refusing(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """Fails while a file named "away" lies where one stands, as what depends on a network does."""
    if Path("away").exists():
        raise ConnectionError("the network is away")
    return redness(crop, question, answers)


def forever(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """Never comes back."""
    while True:
        time.sleep(60)
