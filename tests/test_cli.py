"""The command line: what goes to stdout and stderr, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import semclip
from semclip.geometry import Box, Size
from tests.fakes import spotted

ROOT = Path(__file__).parent.parent


def run(*words: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "semclip", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd, env=environment)


@pytest.fixture
def png(tmp_path: Path) -> Path:
    Image.fromarray(spotted(Size(80, 60), {Box(0, 0, 20, 20): (255, 0, 0)})).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def log(png: Path) -> Path:
    rows = [
        {"id": "a", "image": "photo.png", "question": "what?", "evidence": [[22, 17, 58, 43]]},
        {"id": "b", "image": "none.png", "question": "what?", "evidence": [[0, 0, 1, 1]]},
    ]
    path = png.parent / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_version_and_help_go_to_stdout() -> None:
    assert run("--version").stdout.decode().strip() == f"semclip {semclip.__version__}"
    assert b"select" in run("--help").stdout


def test_one_question_prints_the_documented_object(png: Path) -> None:
    done = run("select", png, "what is it?", "--psi", "tiles", "-k", "3", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = json.loads(done.stdout)
    assert list(shown) == ["image", "question", "psi", "size", "considered", "chosen", "made_by"]
    assert shown["image"] == str(png)
    assert shown["psi"]["name"] == "tiles"
    assert shown["size"] == {"width": 80, "height": 60}
    assert [one["box"] for one in shown["chosen"]] == [[0, 0, 40, 30], [40, 0, 80, 30], [0, 30, 40, 60]]


def test_without_json_a_person_can_read_it(png: Path) -> None:
    lines = run("select", png, "what?", "--psi", "center").stdout.decode().splitlines()
    assert lines[0].startswith(f"{png}  80x60")
    assert lines[1:] == ["1  [20, 15, 60, 45]  0  center"]


def test_more_pixels_are_admitted_when_asked_for(tmp_path: Path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    asked = ("select", tmp_path / "large.png", "what?", "--psi", "center", "--json")
    refused = run(*asked)
    assert refused.returncode == 1
    assert b"pixels are admitted" in refused.stderr
    assert json.loads(run(*asked, "--max-pixels", "90000000").stdout)["size"]["width"] == 9000


def test_the_image_can_come_from_stdin(png: Path) -> None:
    done = run("select", "-", "what?", "--psi", "center", "--json", stdin=png.read_bytes())
    assert json.loads(done.stdout)["chosen"][0]["box"] == [20, 15, 60, 45]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_one_line_on_stderr(png: Path) -> None:
    command = [sys.executable, "-m", "semclip", "select", str(png), "what?", "--psi", "center"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith(b"semclip: reading or writing failed: ")
    assert done.stderr.count(b"\n") == 1


def test_a_name_that_is_no_text_is_answered(png: Path) -> None:
    odd = png.rename(png.with_name(os.fsdecode(b"\xff.png")))
    done = run("select", odd, "what?", "--psi", "center")
    assert done.returncode == 0
    assert b"\\udcff.png  80x60" in done.stdout


def test_files_are_written_where_asked(png: Path, tmp_path: Path) -> None:
    overlay, report, out, cache = (tmp_path / name for name in ("o.png", "r.html", "out", "cache"))
    options: list[str | Path] = ["--overlay", overlay, "--report", report, "--out", out, "--cache", cache]
    assert run("select", png, "what?", "--psi", "center", *options).returncode == 0
    with Image.open(overlay) as picture:
        assert picture.size == (80, 60)
    assert report.read_text().startswith("<!doctype html>")
    assert (out / "selection.json").exists()
    assert len(list(cache.iterdir())) == 1


def test_a_log_gives_a_line_for_each_line_and_the_exit_code_says_what_failed(log: Path) -> None:
    done = run("select", "--questions", log, "--psi", "center", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["image"] == "photo.png"
    assert rows[1]["error"]["type"] == "ImageError"
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_log_can_come_from_stdin(log: Path) -> None:
    first = log.read_bytes().splitlines()[0]
    done = run("select", "--questions", "-", "--psi", "center", stdin=first, cwd=log.parent)
    assert done.returncode == 0
    assert json.loads(done.stdout)["id"] == "a"


def test_the_same_command_prints_the_same_bytes(log: Path) -> None:
    outputs = {run("select", "--questions", log, "--psi", "random").stdout for _ in range(2)}
    assert len(outputs) == 1


def test_eval_prints_a_table_or_json_and_what_it_rejected(log: Path) -> None:
    table = run("eval", log, "--psi", "center", "--psi", "random", "-k", "1,2")
    assert "hit@1" in table.stdout.decode()
    assert table.stderr.decode().count("\n") == 1
    assert table.returncode == 1
    report = json.loads(run("eval", log, "--psi", "center", "--json", "--limit", "1").stdout)
    assert report["ks"] == [1, 2, 4]
    assert run("eval", log, "--psi", "center", "--markdown").stdout.startswith(b"| set |")


def test_psi_list_names_every_psi() -> None:
    names = [line.split()[0] for line in run("psi", "list").stdout.decode().splitlines()]
    assert "embedded" in names
    assert names == sorted(names)


def test_psi_show_tells_the_fingerprint() -> None:
    shown = run("psi", "show", "center").stdout.decode().split()
    assert shown[:2] == ["name", "center"]
    assert len(shown[3]) == 64


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["nothing"], 2),
        (["select"], 2),
        (["select", "only-an-image.png"], 2),
        (["select", "a.png", "what?", "-k", "0"], 2),
        (["select", "a.png", "--questions", "b.jsonl"], 2),
        (["select", "--questions", "b.jsonl", "--out", "c"], 2),
        (["eval", "a.jsonl", "-k", "one"], 2),
        (["select", "none.png", "what?", "--psi", "center"], 1),
        (["select", "none.png", "what?", "--psi", "centre"], 1),
        (["select", "--questions", "none.jsonl", "--psi", "center"], 1),
        (["eval", "none.jsonl", "--psi", "center"], 1),
        (["psi", "show", "oracle"], 1),
    ],
)
def test_what_goes_wrong_is_one_line_on_stderr(words: list[str], code: int, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.decode().count("\n") == 1
    assert done.stderr.startswith(b"semclip: ")


@pytest.mark.parametrize("words", [["--debug", "psi", "show", "x"], ["psi", "show", "x", "--debug"]])
def test_debug_shows_the_traceback(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
