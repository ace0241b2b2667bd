"""Opening logs of every format: the same examples, each row accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semclip.errors import LogError
from semclip.geometry import Box, Size
from semclip.logs import BadLine, Example, Format, check_rows, open_log, parse_log
from tests.logs.samples import BAD, boxed, flat, row, talk, write_lines, write_list, write_mixed


def examples(path: Path, format: Format = "auto") -> list[Example]:
    rows = list(open_log(path, format=format))
    assert [one for one in rows if isinstance(one, BadLine)] == []
    return [one for one in rows if isinstance(one, Example)]


def test_json_lines_are_read_as_ever(tmp_path: Path) -> None:
    write_mixed(tmp_path / "log.jsonl", rows=60, every=3)
    assert list(open_log(tmp_path / "log.jsonl")) == list(parse_log(tmp_path / "log.jsonl"))


def test_a_list_is_numbered_by_its_items(tmp_path: Path) -> None:
    first, second, third = open_log(write_list(tmp_path / "log.json", row(1), [], row(3, id=None)))
    assert isinstance(second, BadLine)
    assert (second.line, second.id, second.reason) == (2, "log:2", "a row needs a JSON object, got []")
    assert (first.id, third.id, third.line) == ("row-1", "log:3", 3)


def test_a_list_in_a_file_for_lines_is_a_bad_line(tmp_path: Path) -> None:
    [bad] = open_log(write_lines(tmp_path / "log.jsonl", json.dumps([row(1)]).encode()))
    assert isinstance(bad, BadLine)


@pytest.mark.parametrize("format", ["auto", "llava"])
@pytest.mark.parametrize("write", [write_lines, write_list])
def test_conversations_are_found_by_their_rows(write: type, format: Format, tmp_path: Path) -> None:
    conversation = {"id": "x", "image": "a.jpg", "conversations": talk("<image>\nWhat?", "This.", "And?", "That.")}
    path = write(tmp_path / "log.json", conversation, {"image": "a.jpg", "conversations": talk("Why?", "So.", "And?")})
    assert [(one.id, one.question, one.answers, one.line) for one in examples(path, format)] == [
        ("x", "What?", ("This.",), 1),
        ("x-2", "And?", ("That.",), 1),
        ("log:2", "Why?", ("So.",), 2),
        ("log:2-2", "And?", (), 2),
    ]


def test_conversations_about_one_picture_may_share_an_id(tmp_path: Path) -> None:
    conversation = {"id": 33471, "image": "a.jpg", "conversations": talk("What?", "This.", "And?", "That.")}
    path = write_list(tmp_path / "log.json", conversation, conversation)
    assert [one.id for one in examples(path)] == [33471, "33471-2", "33471@2", "33471@2-2"]


def test_a_conversation_that_cannot_be_read_is_one_bad_row(tmp_path: Path) -> None:
    text_only = {"id": "x", "conversations": talk("Hello", "Hi")}
    blank = {"id": "y", "image": "a.jpg", "conversations": talk("<image>", "Hi", "What?", "This.")}
    bad, empty, good = open_log(write_list(tmp_path / "log.json", text_only, blank))
    assert isinstance(bad, BadLine)
    assert isinstance(empty, BadLine)
    assert (bad.id, bad.reason) == ("x", "'image' is missing")
    assert (empty.id, empty.line, empty.reason) == ("y", 2, "'question' needs text, got \"\"")
    assert good.id == "y-2"


@pytest.mark.parametrize("format", ["auto", "visual-cot"])
def test_boxes_are_found_by_their_rows(format: Format, tmp_path: Path) -> None:
    [one] = examples(write_list(tmp_path / "log.json", boxed()), format)
    assert (one.evidence, one.size, one.image) == ((Box(86, 208, 840, 257),), None, tmp_path / "cot" / "a.jpg")
    [one] = examples(write_lines(tmp_path / "log.jsonl", flat()), format)
    assert (one.evidence, one.size, one.answers) == ((Box(86, 208, 840, 257),), Size(900, 2000), ("GIN", "GIN KEE"))


def test_the_first_row_that_can_be_read_says_what_the_format_is(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", b"{", b"", flat())
    bad, good = open_log(path)
    assert (bad.line, good.line) == (1, 3)
    assert isinstance(good, Example)
    assert good.evidence


def test_a_named_format_is_taken_at_its_word(tmp_path: Path) -> None:
    [bad] = open_log(write_lines(tmp_path / "log.jsonl", row(1)), format="llava")
    assert isinstance(bad, BadLine)
    assert bad.reason == "'conversations' needs a turn from 'human', got none"


def test_images_may_be_elsewhere(tmp_path: Path) -> None:
    [one] = open_log(write_lines(tmp_path / "log.jsonl", row(1)), images=Path("/data"))
    assert isinstance(one, Example)
    assert one.image == Path("/data/a.png")


def test_progress_ends_with_everything_done(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", *(row(number) for number in range(2500)))
    told: list[tuple[int, int]] = []
    assert len(list(open_log(path, progress=lambda done, total: told.append((done, total))))) == 2500
    assert len(told) == 4
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize("content", [b"[{]", b"[" * 100_000, b"\xef\xbb\xbf[1"])
def test_a_list_that_does_not_end_is_our_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log.json").write_bytes(content)
    with pytest.raises(LogError, match="a log needs to be a JSON list or JSON lines, got"):
        list(open_log(tmp_path / "log.json"))


def test_a_file_that_is_not_there_is_our_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.jsonl"):
        with pytest.raises(LogError, match="readable file"):
            list(open_log(path))


lines = st.binary(max_size=30) | st.sampled_from(
    [bad if isinstance(bad, bytes) else json.dumps(row(1, **bad)).encode() for bad, _ in BAD]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(lines).map(b"\n".join), format=st.sampled_from(["jsonl", "visual-cot"]))
def test_every_line_that_is_not_blank_is_used_or_rejected(content: bytes, format: Format, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    rows = list(check_rows(open_log(path, format=format), path, needs=("answers",)))
    assert [one.line for one in rows] == [n for n, line in enumerate(content.split(b"\n"), 1) if line.strip()]
