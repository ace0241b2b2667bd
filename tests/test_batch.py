"""Logs of questions: a line out for each line in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from semclip.batch import Reply, answer, read_lines
from semclip.errors import LogError
from semclip.geometry import Box, Size
from semclip.pipeline import SemClip
from tests.fakes import ColorRelevance, spotted

LINES: list[dict[str, Any]] = [
    {"id": "a", "image": "images/1.png", "question": "red"},
    {"id": "b", "image": "images/missing.png", "question": "red"},
    {"id": "c", "image": "images/1.png"},
    {"id": "d", "image": "images/1.png", "question": "blue"},
]


def selecting(semclip: SemClip) -> Reply:
    return lambda image, question: semclip.select(image, question).to_dict()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.fromarray(spotted(Size(60, 60), {Box(0, 0, 15, 15): (255, 0, 0)})).save(tmp_path / "images" / "1.png")
    content = "\n".join(json.dumps(line) for line in LINES)
    (tmp_path / "questions.jsonl").write_text(f"{content}\n\n[1\n")
    return tmp_path / "questions.jsonl"


def test_each_line_is_answered_in_order_and_none_stops_the_others(log: Path) -> None:
    psi = ColorRelevance()
    rows = list(answer(read_lines(str(log)), log, selecting(SemClip(psi))))
    assert [row["id"] for row in rows] == ["a", "b", "c", "d", "questions:6"]
    assert ["error" in row for row in rows] == [False, True, True, False, True]
    assert f"{log}:6: " in rows[4]["error"]["message"]
    assert rows[1]["error"]["type"] == "ImageError"
    assert rows[2]["error"]["type"] == "LogError"
    assert "'question' is missing" in rows[2]["error"]["message"]
    assert len(psi.encoded) == 1


def test_an_answer_is_what_select_gives_with_the_id_and_the_logs_own_path(log: Path) -> None:
    semclip = SemClip(ColorRelevance())
    row = next(answer(read_lines(str(log)), log, selecting(semclip)))
    alone = semclip.select(log.parent / "images" / "1.png", "red").to_dict()
    assert row == {"id": "a", **alone, "image": "images/1.png"}


def test_an_absolute_path_stays_absolute(log: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.png"
    Image.new("RGB", (30, 30)).save(elsewhere)
    line = json.dumps({"id": "e", "image": str(elsewhere), "question": "red"})
    (row,) = answer([line], log, selecting(SemClip(ColorRelevance())))
    assert row["image"] == str(elsewhere)


def test_a_log_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"readable file, got .*nothing\.jsonl"):
        read_lines(str(tmp_path / "nothing.jsonl"))
