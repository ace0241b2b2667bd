"""V*Bench: pictures with JSON files of the same stem, the right option first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semclip.evaluation.datasets.opening import open_dataset
from semclip.geometry import Box
from tests.evaluation.datasets.samples import items, png, reasons, write_json, write_vstar


def test_the_first_option_is_the_right_one(tmp_path: Path) -> None:
    first, second = items(open_dataset(write_vstar(tmp_path / "vstar_bench")))
    assert (first.id, first.category, first.right) == ("direct_attributes/sa_1", "direct_attributes", 0)
    assert first.answers == ("The color of the bus is red.",) == first.options[:1]
    assert first.image == tmp_path / "vstar_bench" / "direct_attributes" / "sa_1.jpg"
    assert second.image == tmp_path / "vstar_bench" / "relative_position" / "sa_2.png"


def test_boxes_are_left_top_width_height(tmp_path: Path) -> None:
    first, *_ = items(open_dataset(write_vstar(tmp_path, bbox=[[10, 20, 30, 40.5], [-3, 0.5, 10, 10]])))
    assert first.evidence == (Box(10, 20, 40, 61), Box(0, 0, 7, 11))


def test_only_what_the_published_score_counts_is_read(tmp_path: Path) -> None:
    other = tmp_path / "OCR"
    write_json(other / "1.json", {"question": "What?", "options": ["a", "b"]})
    (other / "1.jpg").write_bytes(png())
    assert [one.category for one in items(open_dataset(tmp_path))] == ["OCR"]
    write_vstar(tmp_path)
    assert [one.category for one in items(open_dataset(tmp_path))] == ["direct_attributes", "relative_position"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"options": []}, "'options' needs a list of texts, got []"),
        ({"question": " "}, "'question' needs text, got "),
        ({"bbox": [[1, 2, 3]]}, "'bbox' needs boxes of x, y, width, height, got [1, 2, 3]"),
        ({"bbox": [[1, 2, 0, 4]]}, "a box needs 0 <= left < right"),
        ({"bbox": [[1, 2, float("nan"), 4]]}, "'bbox' needs boxes of x, y, width, height"),
    ],
)
def test_a_file_that_is_no_question_is_a_bad_line(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    assert all(said.startswith(reason) for said in reasons(open_dataset(write_vstar(tmp_path, **change))))


def test_a_broken_file_and_a_lost_picture_stop_no_other(tmp_path: Path) -> None:
    write_vstar(tmp_path)
    (tmp_path / "direct_attributes" / "sa_0.json").write_text("{")
    write_json(tmp_path / "direct_attributes" / "sa_3.json", {"question": "What?", "options": ["a"]})
    broken, fine, lost, last = reasons(open_dataset(tmp_path))
    assert broken.startswith("a benchmark needs to be JSON, got ")
    assert lost == "a question needs a picture beside it, got none for sa_3.json"
    assert (fine, last) == ("", "")
