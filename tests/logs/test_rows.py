"""Rows: what an example is written as, and that any row is an example or a bad line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.geometry import Box, Size
from semclip.logs import BadLine, Example, reject, to_row
from semclip.logs.rows import Place, read_row
from tests.logs.samples import row

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
examples = st.builds(
    Example,
    id=st.integers() | words,
    image=st.sampled_from([Path("/data/set/a.png"), Path("/data/set/images/a.png"), Path("/data/b.png")]),
    question=words,
    answers=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    evidence=st.lists(st.just(Box(1, 2, 3, 4)), max_size=2).map(tuple),
    size=st.none() | st.just(Size(5, 6)),
    split=st.none() | words,
)


@given(examples, st.sampled_from([Path("/data/set"), Path("/data/other/deep"), Path("/")]))
def test_a_row_written_anywhere_gives_the_same_example(example: Example, folder: Path) -> None:
    again = read_row(to_row(example, folder), Place(folder / "log.jsonl", 1, folder))
    assert isinstance(again, Example)
    assert replace(again, image=Path(*example.image.parts)) == example
    assert (folder / again.image).resolve() == example.image


def test_a_path_is_relative_and_leads_through_links(tmp_path: Path) -> None:
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "near").symlink_to(tmp_path / "far" / "deep")
    (tmp_path / "a.png").touch()
    written = to_row(Example(1, tmp_path / "a.png", "what?"), tmp_path / "near")["image"]
    assert not Path(written).is_absolute()
    assert (tmp_path / "near" / written).samefile(tmp_path / "a.png")


def test_what_is_absent_is_not_written() -> None:
    assert to_row(Example(1, Path("/d/a.png"), "what?"), Path("/d")) == {"id": 1, "image": "a.png", "question": "what?"}


def test_a_rejected_example_keeps_its_line_and_its_row() -> None:
    example = read_row(row(3), Place(Path("/d/log.jsonl"), 7, Path("/d")))
    assert isinstance(example, Example)
    bad = reject(example, Path("/d/log.jsonl"), "no good")
    assert (bad.id, bad.line, str(bad.error)) == ("row-3", 7, "/d/log.jsonl:7: no good")
    assert bad.split == "train"
    assert bad.to_dict()["source"] == "/d/log.jsonl"
    assert '"id": "row-3", "image": "a.png"' in bad.row


def test_a_long_row_is_cut() -> None:
    bad = read_row({"id": 1, "image": "a" * 9999}, Place(Path("log.jsonl"), 1, Path()))
    assert isinstance(bad, BadLine)
    assert len(bad.row) == 2000


@pytest.mark.parametrize("depth", [400, 900, 2000])
def test_a_deep_nest_is_a_bad_line(depth: int) -> None:
    nest: list[object] = []
    for _ in range(depth):
        nest = [nest]
    bad = read_row({"image": nest, "question": "what?"}, Place(Path("log.jsonl"), 1, Path()))
    assert isinstance(bad, BadLine)
    assert bad.reason.startswith("'image' needs text, got ")
