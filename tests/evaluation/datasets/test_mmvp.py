"""MMVP: a table of questions beside a folder of pictures, in pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from semclip.evaluation.datasets.opening import open_dataset
from tests.evaluation.datasets.samples import items, reasons, write_mmvp


@pytest.mark.parametrize("index", ["lndex", "Index"])
def test_two_questions_are_a_pair(index: str, tmp_path: Path) -> None:
    dataset = open_dataset(write_mmvp(tmp_path / "MMVP", index=index))
    assert (dataset.name, dataset.format, dataset.group_rule) == ("MMVP", "mmvp", "all")
    first, second = items(dataset)
    assert (first.options, first.right, second.right) == (("Open", "Closed"), 0, 1)
    assert first.group == second.group == "1"
    assert first.image == tmp_path / "MMVP" / "MMVP Images" / "1.jpg"


def test_the_table_itself_may_be_named(tmp_path: Path) -> None:
    folder = write_mmvp(tmp_path / "MMVP")
    dataset = open_dataset(folder / "Questions.csv")
    assert dataset.name == "MMVP"
    assert items(dataset) == items(open_dataset(folder))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["x", "What?", "(a) One (b) Two", "(a)"], "'Index' needs a whole number, got "),
        ([1, "What?", "One or two", "(a)"], "'Options' needs text like (a) one (b) other, got "),
        ([1, "What?", "(a) One (b) Two", "(c)"], "'Correct Answer' needs one of A, B, got "),
        ([1, "", "(a) One (b) Two", "(a)"], "'Question' needs text, got "),
    ],
)
def test_a_row_that_is_no_question_is_a_bad_line(row: list[object], reason: str, tmp_path: Path) -> None:
    [said] = reasons(open_dataset(write_mmvp(tmp_path / "MMVP", row)))
    assert said.startswith(reason)
