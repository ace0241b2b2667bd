"""Questions as JSON lines: POPE's, and our own logs."""

from __future__ import annotations

from pathlib import Path

from semclip.evaluation.datasets.opening import open_dataset
from semclip.geometry import Box
from semclip.logs import BadLine
from tests.evaluation.datasets.samples import OWN, POPE, items, reasons, write_lines


def test_pope_asks_for_yes_or_no(tmp_path: Path) -> None:
    (tmp_path / "val2014").mkdir()
    dataset = open_dataset(write_lines(tmp_path / "coco_pope_adversarial.json", POPE, {**POPE, "question_id": 2}))
    assert (dataset.format, dataset.matcher) == ("pope", "yes_no")
    first, second = items(dataset)
    assert (first.id, second.id, first.answers) == ("1", "2", ("yes",))
    assert first.image == tmp_path / "val2014" / "COCO_val2014_000000310196.jpg"


def test_a_line_that_is_no_question_is_a_bad_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "pope.json", POPE, [1], {**POPE, "label": "maybe"}, {**POPE, "text": ""})
    fine, no_object, no_label, no_text = reasons(open_dataset(path))
    assert fine == ""
    assert no_object == "a line needs one JSON object, got [1]"
    assert no_label == "'label' needs yes or no, got \"maybe\""
    assert no_text == "'text' needs text, got \"\""


def test_our_own_logs_keep_evidence_split_and_category(tmp_path: Path) -> None:
    known = {**OWN, "split": "dev", "category": "piece"}
    path = write_lines(tmp_path / "chess" / "questions.jsonl", known, {**OWN, "id": 8, "answers": []})
    dataset = open_dataset(path)
    assert (dataset.name, dataset.format, dataset.matcher) == ("chess", "jsonl", "exact")
    one, bad = dataset.read()
    assert not isinstance(one, BadLine)
    assert (one.id, one.answers, one.evidence) == ("7", ("EXIT",), (Box(1, 2, 3, 4),))
    assert (one.split, one.category) == ("dev", "piece")
    assert one.image == tmp_path / "chess" / "images" / "1.png"
    assert isinstance(bad, BadLine)
    assert bad.reason.startswith("'answers' needs one that is not blank")
