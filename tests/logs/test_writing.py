"""Logs and reject files are there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semclip.errors import LogError
from semclip.logs import BadLine, open_lines, write_rejects


def test_each_object_is_a_line(tmp_path: Path) -> None:
    with open_lines(tmp_path / "new" / "log.jsonl") as write:
        write({"id": 1})
        assert not (tmp_path / "new" / "log.jsonl").exists()
        write({"id": "zwei\n"})
    assert (tmp_path / "new" / "log.jsonl").read_text() == '{"id": 1}\n{"id": "zwei\\n"}\n'


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("before")

    def fail() -> None:
        with open_lines(path) as write:
            write({"id": 1})
            raise LogError("stop")

    with pytest.raises(LogError, match="stop"):
        fail()
    assert [one.read_text() for one in tmp_path.iterdir()] == ["before"]


def test_rejects_are_counted_and_any_text_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    rejects = [BadLine(number, Path("log.jsonl"), number, "why \ud800", "\x1b[31m") for number in (1, 2)]
    assert write_rejects(path, rejects) == 2
    assert [json.loads(line) for line in path.read_text().splitlines()] == [one.to_dict() for one in rejects]
    assert write_rejects(path, []) == 0
    assert path.read_bytes() == b""


def test_a_place_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match="rows need a file that can be written, got"):
        write_rejects(tmp_path / "file" / "rejects.jsonl", [])
