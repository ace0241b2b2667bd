"""What every command shares: where words go, and how it exits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import semclip
from tests.cli.running import ROOT, run


def test_version_and_help_go_to_stdout() -> None:
    assert run("--version").stdout.decode().strip() == f"semclip {semclip.__version__}"
    assert b"select" in run("--help").stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_one_line_on_stderr(png: Path) -> None:
    command = [sys.executable, "-m", "semclip", "select", str(png), "what?", "--psi", "center"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith(b"semclip: reading or writing failed: ")
    assert done.stderr.count(b"\n") == 1


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
