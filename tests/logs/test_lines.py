from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import LogError
from semclip.geometry import Box, Size
from semclip.logs import BadLine, Example, parse_lines, parse_log, read_log

ROW = {
    "id": "a-1",
    "image": "images/a.png",
    "question": "What does the sign say?",
    "answers": ["exit"],
    "evidence": [[1, 2, 3, 4]],
    "width": 10,
    "height": 20,
    "split": "dev",
    "category": "sign",
}
SOURCE = Path("set/log.jsonl")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(list(ROW)), inner, max_size=8),
    max_leaves=12,
)


def parse(**changes: Any) -> Example | BadLine:
    row = {key: value for key, value in {**ROW, **changes}.items() if value is not ...}
    [line] = parse_lines([json.dumps(row)], SOURCE)
    return line


def example(**changes: Any) -> Example:
    line = parse(**changes)
    assert isinstance(line, Example)
    return line


def complaint(**changes: Any) -> str:
    line = parse(**changes)
    assert isinstance(line, BadLine)
    return str(line.error)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_field_is_read() -> None:
    assert example() == Example(
        id="a-1",
        image=Path("set/images/a.png"),
        question="What does the sign say?",
        answers=("exit",),
        evidence=(Box(1, 2, 3, 4),),
        size=Size(10, 20),
        split="dev",
        category="sign",
    )


def test_image_and_question_suffice() -> None:
    [line] = parse_lines([b'{"image": "a.png", "question": "what?"}'], SOURCE)
    assert line == Example(id="log:1", image=Path("set/a.png"), question="what?")


def test_null_is_absent() -> None:
    optional = dict.fromkeys(["id", "answers", "evidence", "width", "height", "split", "category"])
    assert example(**optional) == Example(id="log:1", image=Path("set/images/a.png"), question=str(ROW["question"]))


def test_sides_may_be_whole_numbers_with_a_point() -> None:
    size = example(width=10.0, height=20).size
    assert size == Size(10, 20)
    assert type(size.width) is int


@pytest.mark.parametrize(("split", "known"), [("dev", "dev"), (None, None), (7, None), (..., None)])
def test_a_bad_line_knows_its_split_where_it_can_be_read(split: Any, known: str | None) -> None:
    line = parse(question=7, split=split)
    assert isinstance(line, BadLine)
    assert line.split == known


def test_boxes_are_rounded_outward() -> None:
    assert example(evidence=[[0.9, 1.1, 9.01, 19.2]]).evidence == (Box(0, 1, 10, 20),)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": ...}, "'question' is missing"),
        ({"image": ...}, "'image' is missing"),
        ({"question": " "}, "'question' needs text, got \" \""),
        ({"question": 7}, "'question' needs text, got 7"),
        ({"question": "half \ud800"}, "'question' needs text"),
        ({"image": "a\0.png"}, "'image' needs text"),
        ({"id": 7.5}, "'id' needs text, got 7.5"),
        ({"split": []}, "'split' needs text, got []"),
        ({"answers": "exit"}, "'answers' needs a list"),
        ({"answers": [1]}, "'answers' needs a list of texts, got [1]"),
        ({"evidence": {}}, "'evidence' needs a list, got {}"),
        ({"evidence": [1, 2, 3, 4]}, "4 finite numbers, got 1"),
        ({"evidence": [[1, 2, 3]]}, "4 finite numbers, got [1, 2, 3]"),
        ({"evidence": [[1, 2, True, 4]]}, "4 finite numbers, got [1, 2, true, 4]"),
        ({"evidence": [[3, 2, 1, 4]]}, "left < right and top < bottom, got [3, 2, 1, 4]"),
        ({"evidence": [[1, 2.5, 3, 2.5]]}, "left < right and top < bottom"),
        ({"evidence": [[-1, 2, 3, 4]]}, "0 <= left < right and 0 <= top < bottom, got [-1, 2, 3, 4]"),
        ({"evidence": [[1, 2, 11, 4]]}, "inside the stated 10x20, got [1, 2, 11, 4]"),
        ({"evidence": [[1, 2, 3, 4], [1, 2, 3, 20.5]]}, "inside the stated 10x20, got [1, 2, 3, 20.5]"),
        ({"width": ...}, "'width' and 'height' need two whole numbers or neither, got [null, 20]"),
        ({"width": 10.5}, "two whole numbers or neither, got [10.5, 20]"),
        ({"width": True}, "two whole numbers or neither, got [true, 20]"),
        ({"height": 0, "evidence": []}, "both sides >= 1 px, got 10x0"),
    ],
)
def test_a_malformed_field_is_named_with_its_line(changes: dict[str, Any], reason: str) -> None:
    message = complaint(**changes)
    assert message.startswith(f"{SOURCE}:1: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\xfa",
        b'{"width": NaN}',
        b'{"evidence": [[0, 0, Infinity, 4]]}',
        b"[" * 100_000,
        b'{"width": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_line_that_is_no_json_object_is_one_short_error(line: bytes) -> None:
    [bad] = parse_lines([line], SOURCE)
    assert isinstance(bad, BadLine)
    assert bad.id == "log:1"
    assert "a line needs one JSON object" in str(bad.error)
    assert len(str(bad.error)) < 200


def test_a_number_too_large_for_a_float_is_not_finite() -> None:
    [bad] = parse_lines(['{"image": "a", "question": "b", "evidence": [[0, 0, 1e999, 4]]}'], SOURCE)
    assert isinstance(bad, BadLine)
    assert "4 finite numbers" in str(bad.error)


@given(st.dictionaries(st.sampled_from(list(ROW)), json_values) | json_values)
def test_any_json_is_an_example_or_our_error(value: Any) -> None:
    [line] = parse_lines([json.dumps(value)], SOURCE)
    assert isinstance(line, Example | BadLine)


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_lines(lines: list[bytes]) -> None:
    assert len(list(parse_lines(lines, SOURCE))) == sum(bool(line.strip()) for line in lines)


def test_a_bad_line_keeps_its_id_and_the_others_go_on() -> None:
    lines = [{**ROW, "id": "one", "question": ""}, {**ROW, "id": "two"}, {**ROW, "id": ["three"]}]
    parsed = list(parse_lines((json.dumps(line) for line in lines), SOURCE))
    assert [line.id for line in parsed] == ["one", "two", "log:3"]
    assert [type(line) for line in parsed] == [BadLine, Example, BadLine]


def test_an_id_stays_the_number_or_the_text_that_it_is() -> None:
    lines = [{**ROW, "id": 7}, {**ROW, "id": "7"}, {**ROW, "id": 8, "question": ""}]
    assert [line.id for line in parse_lines(map(json.dumps, lines), SOURCE)] == [7, "7", 8]


def test_blank_lines_are_counted_and_skipped() -> None:
    [line] = parse_lines(["\n", "  \r\n", json.dumps({**ROW, "id": None})], SOURCE)
    assert line.id == "log:3"


def test_lines_are_read_as_they_are_asked_for() -> None:
    lines = iter([json.dumps(ROW), "second"])
    next(parse_lines(lines, SOURCE))
    assert list(lines) == ["second"]


def test_an_id_that_comes_again_is_a_bad_line_of_a_log_only(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", ROW, ROW)
    first, second = parse_log(path)
    assert isinstance(first, Example)
    assert isinstance(second, BadLine)
    assert str(second.error) == f"{path}:2: an earlier line has the id too, got 'a-1'"
    assert list(parse_lines([json.dumps(ROW)] * 2, SOURCE)) == [example(), example()]


def test_an_id_is_the_same_as_a_number_and_as_text_and_a_bad_line_takes_none(tmp_path: Path) -> None:
    rows = [{**ROW, "id": "7", "question": ""}, {**ROW, "id": "7"}, {**ROW, "id": 7}]
    first, second, third = parse_log(write(tmp_path / "log.jsonl", *rows))
    assert isinstance(first, BadLine)
    assert isinstance(second, Example)
    assert isinstance(third, BadLine)
    assert third.reason == "an earlier line has the id too, got 7"


def test_a_log_is_read_from_its_file_and_by_split(tmp_path: Path) -> None:
    rows = [{**ROW, "id": split or "none", "split": split} for split in ("dev", "train", None)]
    path = write(tmp_path / "log.jsonl", *rows)
    assert [row.id for row in read_log(path)] == ["dev", "train", "none"]
    assert [row.image for row in read_log(path, split="dev")] == [tmp_path / "images/a.png"]


def test_a_log_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode())
    assert [row.id for row in read_log(path)] == ["a-1"]


def test_reading_ends_at_the_first_bad_line_whatever_its_split(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", ROW, {**ROW, "split": "train"})
    rows = read_log(path, split="dev")
    assert next(rows).id == "a-1"
    with pytest.raises(LogError, match=r":2: an earlier line has the id"):
        next(rows)
    assert [type(line) for line in parse_log(path)] == [Example, BadLine]


def test_a_file_that_is_not_there_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"readable file, got .*missing.jsonl: No such file"):
        list(read_log(tmp_path / "missing.jsonl"))
    with pytest.raises(LogError, match="readable file"):
        list(read_log(tmp_path))
