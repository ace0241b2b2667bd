"""VLMEvalKit's tables and HR-Bench: pictures in base64, or the index of the row that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from semclip.evaluation.datasets.opening import open_dataset
from semclip.logs import BadLine
from tests.evaluation.datasets.samples import encoded, items, png, reasons, write_hr_bench, write_table

HEAD = ("index", "image", "hint", "question", "A", "B", "C", "D", "answer", "category")


def test_a_row_holds_its_picture_and_its_options(tmp_path: Path) -> None:
    picture = png()
    row = [7, encoded(picture), "Two cars.", 'Which is "first"?\nLook', "red", "", "blue", "", "C", "colour"]
    [one] = items(open_dataset(write_table(tmp_path / "MMBench.tsv", HEAD, row)))
    assert (one.id, one.image, one.category) == ("7", picture, "colour")
    assert one.question == 'Two cars.\nWhich is "first"?\nLook'
    assert (one.options, one.right, one.answers) == (("red", "blue"), 1, ("blue",))


def test_a_picture_may_be_in_another_row_before_or_after(tmp_path: Path) -> None:
    pictures = [png(), png(1)]
    cells = ["12", encoded(pictures[0]), "11", encoded(pictures[1])]
    rows = [[10 + place, cell, "", "What?\nNow", "a", "b", "", "", "A", ""] for place, cell in enumerate(cells)]
    rows[2][1], rows[3][0] = "11", 12
    rows[2][0] = 99
    read = items(open_dataset(write_table(tmp_path / "t.tsv", HEAD, *rows)))
    assert [one.image for one in read] == [pictures[1], pictures[0], pictures[0], pictures[1]]


def test_pictures_may_be_files(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.tsv", ("index", "image_path", "question", "answer"), [1, "a/1.jpg", "What?", "x"])
    [one] = items(open_dataset(table, images=Path("/data")))
    assert one.image == Path("/data/a/1.jpg")


@pytest.mark.parametrize(
    ("stem", "answer", "matcher", "answers"),
    [
        ("TextVQA_VAL", "['a', 'b']", "vqa", ("a", "b")),
        ("DocVQA_VAL", "['one']", "anls", ("one",)),
        ("POPE", "Yes", "yes_no", ("Yes",)),
        ("MMStar", "[1]", "choice", ("[1]",)),
        ("MMStar", "[" * 999, "choice", ("[" * 999,)),
    ],
)
def test_a_table_without_options_goes_by_its_name(
    stem: str, answer: str, matcher: str, answers: tuple[str, ...], tmp_path: Path
) -> None:
    head = ("index", "image", "question", "answer")
    dataset = open_dataset(write_table(tmp_path / f"{stem}.tsv", head, [1, encoded(png()), "What?", answer]))
    assert dataset.matcher == matcher
    [one] = items(dataset)
    assert (one.answers, one.options, one.right) == (answers, (), None)


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("image", "5", "'image' needs base64 or the index of a row that has it, got \"5\""),
        ("image", "!" * 99, "'image' needs base64, got "),
        ("image", "['a', 'b']", "'image' needs one picture, got "),
        ("image", "", "'image_path' is missing"),
        ("answer", "E", "'answer' needs one of A, B, got \"E\""),
        ("answer", "", "'answer' needs text"),
        ("question", "", "'question' needs text"),
        ("index", " ", "'index' needs text"),
    ],
)
def test_a_row_that_is_no_question_is_a_bad_line(column: str, cell: str, reason: str, tmp_path: Path) -> None:
    good = [1, encoded(png()), "", "What?", "a", "b", "", "", "A", ""]
    bad = [cell if name == column else value for name, value in zip(HEAD, good, strict=True)]
    said, fine = reasons(open_dataset(write_table(tmp_path / "t.tsv", HEAD, bad, [2, *good[1:]])))
    assert said.startswith(reason)
    assert fine == ""


def test_a_reject_keeps_no_picture(tmp_path: Path) -> None:
    row = [1, "A" * 10_000, "", "What?", "a", "b", "", "", "Z", "x"]
    [bad] = open_dataset(write_table(tmp_path / "t.tsv", HEAD, row)).read()
    assert isinstance(bad, BadLine)
    assert len(bad.row) < 500
    assert '"category": "x"' in bad.row


def test_a_repeated_index_is_told_apart(tmp_path: Path) -> None:
    row = [1, encoded(png()), "", "What?", "a", "b", "", "", "A", ""]
    assert [one.id for one in items(open_dataset(write_table(tmp_path / "t.tsv", HEAD, row, row)))] == ["1", "1@2"]


def test_the_cycles_of_a_question_are_a_group(tmp_path: Path) -> None:
    dataset = open_dataset(write_hr_bench(tmp_path / "hr_bench_4k.tsv"))
    assert (dataset.format, dataset.matcher, dataset.group_rule) == ("hr-bench", "choice", "mean")
    read = items(dataset)
    assert {one.answers for one in read} == {("red",)}
    assert [one.right for one in read] == [0, 1, 2, 3] * 2
    groups = [one.group for one in read]
    assert (len(set(groups[:4])), len(set(groups[4:])), len(set(groups))) == (1, 1, 2)
