"""`semclip eval-vlm`: a table, a folder of findings, and exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from semclip.geometry import Box, Size
from tests.adapters.loopback import Reply, completion, serving
from tests.cli.running import Done, call, run
from tests.fakes import spotted

BOX = Box(35, 25, 45, 35)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four questions about a spot in the middle."""
    rows = []
    for number in range(4):
        Image.fromarray(spotted(Size(80 + number, 60), {BOX: (255, 0, 0)})).save(tmp_path / f"{number}.png")
        row = {"image": f"{number}.png", "question": "what colour?", "answers": ["red"], "evidence": [BOX.to_list()]}
        rows.append({**row, "id": str(number), "split": "dev" if number else "train"})
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def answered(asked: dict[str, Any]) -> Reply:
    """Right where a close-up stands beside the overview."""
    parts = asked["messages"][0]["content"]
    return completion("red" if sum(part["type"] == "image_url" for part in parts) > 1 else "grey")


def evaluated(data: Path, *words: str) -> tuple[Done, int]:
    """What the command did with a server's answers, and how many it asked for."""
    with serving(answered) as server:
        where = ("--base-url", server.base_url, "--model", "m", "-o", data.parent / "out")
        done = call("eval-vlm", data, *where, "--strategy", "overview", "--strategy", "center", *words)
    return done, len(server.asked)


def test_a_table_is_printed_and_everything_is_in_the_folder(data: Path) -> None:
    done, asked = evaluated(data)
    assert (done.returncode, done.stderr, asked) == (0, b"", 8)
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    assert any(line[1:5] == ["overview", "4", ".00", "±.00"] for line in lines)
    assert any(line[:4] == ["center", "4", "1.00", "±.00"] for line in lines)
    findings = json.loads((data.parent / "out" / "findings.json").read_text())
    assert [one["accuracy"]["value"] for one in findings["results"]] == [0, 1]
    assert "<html" in (data.parent / "out" / "report.html").read_text()
    assert len((data.parent / "out" / "answers.jsonl").read_text().splitlines()) == 8


def test_a_second_run_asks_what_is_new(data: Path) -> None:
    first, _ = evaluated(data, "--json")
    again, asked = evaluated(data, "--json")
    assert asked == 0
    assert json.loads(again.stdout) == json.loads(first.stdout)
    _, asked = evaluated(data, "--strategy", "random/1", "--blind")
    assert asked == 4 + 1


def test_what_is_asked_can_be_said(data: Path) -> None:
    done, asked = evaluated(
        data, "--split", "dev", "--limit", "2", "--bare", "--matcher", "vqa", "--seed", "3", "--json"
    )
    protocol = json.loads(done.stdout)["protocol"]
    assert asked == 4
    assert (protocol["bare"], protocol["seed"], protocol["sets"][0]["matcher"]) == (True, 3, "vqa")
    done, _ = evaluated(data, "--markdown")
    assert done.stdout.startswith(b"| set | strategy |")


def test_rejected_questions_are_said_on_stderr(data: Path) -> None:
    data.write_text(
        data.read_text() + '\n{"id": "\\u001b[31m9", "image": "none.png", "question": "?", "answers": ["x"]}'
    )
    done, _ = evaluated(data)
    assert done.returncode == 1
    assert b"[31m9: " in done.stderr
    assert b"\x1b" not in done.stderr
    assert (data.parent / "out" / "findings.json").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["questions.jsonl", "-o", "out"], 2),
        (["questions.jsonl", "--vlm", "x"], 2),
        (["questions.jsonl", "-o", "out", "--vlm", "x", "--options", "other"], 2),
        (["none.jsonl", "-o", "out", "--vlm", "x"], 1),
        (["questions.jsonl", "-o", "out", "--vlm", "x", "--strategy", "overview@montage"], 1),
        (["questions.jsonl", "-o", "out", "--vlm", "x", "--strategy", "nothing"], 1),
        (["questions.jsonl", "-o", "out", "--vlm", "x", "--format", "nothing"], 1),
        (["questions.jsonl", "-o", "0.png", "--base-url", "http://127.0.0.1:9/v1", "--model", "m"], 1),
        (
            [
                "questions.jsonl",
                "-o",
                "o",
                "--base-url",
                "http://127.0.0.1:9/v1",
                "--model",
                "m",
                "--options",
                "likelihood",
            ],
            1,
        ),
    ],
)
def test_what_goes_wrong_is_one_line(words: list[str], code: int, data: Path) -> None:
    done = run("eval-vlm", *words, cwd=data.parent)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (code, b"", 1)


@pytest.mark.long
def test_a_model_in_memory_is_asked_under_the_default_strategies(
    data: Path, vlm_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    words = ("--vlm", vlm_folder("llava"), "-o", tmp_path / "out", "--max-tokens", "2", "--json")
    findings = json.loads(call("eval-vlm", data, *words).stdout)
    assert findings["strategies"] == ["overview", "tiles", "random", "embedded"]
    assert findings["protocol"]["model"]["fingerprint"]
    assert {"torch", "transformers"} <= set(findings["protocol"]["versions"])


@pytest.mark.long
def test_a_model_that_was_moved_is_asked_nothing_again(
    data: Path, vlm_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder, out = vlm_folder("llava"), tmp_path / "out"
    words = ("-o", out, "--max-tokens", "2", "--strategy", "overview", "--strategy", "center")
    call("eval-vlm", data, *words, "--vlm", folder)
    known = (out / "answers.jsonl").read_bytes()
    call("eval-vlm", data, *words, "--vlm", shutil.copytree(folder, tmp_path / "moved"))
    assert (out / "answers.jsonl").read_bytes() == known != b""
