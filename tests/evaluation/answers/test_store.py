"""Replies on disk: what is put is there again, whatever became of the file meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.evaluation.answers.store import Reply, Store
from semclip.geometry import Box

REPLY = Reply(("a\n\u2028\ud83d", "b"), 576, 0.25, 3, (Box(1, 2, 3, 4),))
OTHER = Reply(("",), None, 1.0, 1)


def put(path: Path, **replies: Reply) -> None:
    with Store(path) as store:
        store.put((key, reply, {"item": "1"}) for key, reply in replies.items())


def read(path: Path, *keys: str) -> list[Reply | None]:
    with Store(path) as store:
        return [store[key] if key in store else None for key in keys]


def test_what_is_put_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.jsonl"
    put(path, a=REPLY)
    put(path, b=OTHER)
    assert read(path, "a", "b", "c") == [REPLY, OTHER, None]


def test_what_is_put_is_in_the_file_before_the_store_is_closed(tmp_path: Path) -> None:
    store = Store(tmp_path / "answers.jsonl")
    store.put([("a", REPLY, {})])
    assert read(tmp_path / "answers.jsonl", "a") == [REPLY]
    store.close()
    store.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400))
def test_a_file_cut_anywhere_loses_its_last_line_at_most(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "answers.jsonl"
    path.unlink(missing_ok=True)
    put(path, a=REPLY, b=OTHER)
    whole = path.read_bytes()
    first = whole.index(b"\n")
    path.write_bytes(whole[:cut])
    put(path, c=OTHER)
    a, b, c = read(path, "a", "b", "c")
    assert a == (REPLY if cut >= first else None)
    assert b == (OTHER if cut >= len(whole) - 1 else None)
    assert c == OTHER


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"key": "a", "texts": [], "visual_tokens": 1, "seconds": 1, "vlm_passes": 1, "boxes": []}',
        b'{"key": "a", "texts": [1], "visual_tokens": 1, "seconds": 1, "vlm_passes": 1, "boxes": []}',
        b'{"key": "a", "texts": ["x"], "visual_tokens": "1", "seconds": 1, "vlm_passes": 1, "boxes": []}',
        b'{"key": "a", "texts": ["x"], "visual_tokens": 1, "seconds": 1, "vlm_passes": 1, "boxes": [[9, 9, 1, 1]]}',
        b"[" * 100_000,
    ],
)
def test_a_foreign_line_is_no_reply(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_bytes(line + b"\n")
    put(tmp_path / "answers.jsonl", b=OTHER)
    assert read(tmp_path / "answers.jsonl", "a", "b") == [None, OTHER]


def test_of_one_key_the_later_reply_counts(tmp_path: Path) -> None:
    put(tmp_path / "answers.jsonl", a=REPLY)
    put(tmp_path / "answers.jsonl", a=OTHER)
    assert read(tmp_path / "answers.jsonl", "a") == [OTHER]


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "answers.jsonl", tmp_path):
        with pytest.raises(InputError, match="answers need a file that can be written"):
            Store(path)
