"""A training that is killed again and again ends with the same bytes as one that never was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.cli.running import ROOT, run
from tests.training.making import contents

KILLS = int(os.environ.get("SEMCLIP_KILLS", "3"))
EPOCHS = 2 * KILLS + 2
LATEST = 400
"""Seconds after which a process that says nothing hangs."""


def options(mined: Path, base: Path, out: Path, *, epochs: int = EPOCHS) -> list[str | Path]:
    """A command line that trains in no time."""
    words = f"--epochs {epochs} --pictures 4 --boxes 32 --patience 1000".split()
    return ["train", mined, "-o", out, "--base", base, *words]


def kill_midway(words: list[str | Path], told: int, after_s: float, log: Path) -> None:
    """Runs the command line and kills it this long after it has measured so often; it may be done by then."""
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "semclip", *words]
        job = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr)
    latest = time.monotonic() + LATEST
    while log.read_bytes().count(b"dev hit@2") < told and job.poll() is None and time.monotonic() < latest:
        time.sleep(0.01)
    time.sleep(after_s)
    job.kill()
    assert job.wait() in (0, -9), log.read_text()


@pytest.mark.long
@pytest.mark.parametrize(
    "more",
    [
        ["--workers", "0"],
        ["--tune", "full", "--workers", "1"],
        ["--tune", "lora", "--precision", "bf16"],
        ["--architecture", "joint"],
    ],
    ids=["heads", "full", "lora in bfloat16", "joint"],
)
def test_killed_at_any_moment_it_ends_with_the_same_folder(
    mined: Path, base: Path, tmp_path: Path, more: list[str]
) -> None:
    whole, killed = ([*options(mined, base, tmp_path / name / "psi"), *more] for name in ("whole", "killed"))
    done = run(*whole)
    assert done.returncode == 0, done.stderr
    rng = Random(0)
    for number in range(KILLS):
        # After some steps, or before the first; and once more while the folder is written.
        kill_midway(killed, min(number, rng.randint(1, 2)), rng.uniform(0, 1), tmp_path / "log")
    done = run(*killed)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "killed/psi") == contents(tmp_path / "whole/psi")
    for name in ("state.safetensors", "best.safetensors", "run.json"):
        assert (tmp_path / "killed/psi.run" / name).read_bytes() == (tmp_path / "whole/psi.run" / name).read_bytes()
    # What it goes on from was not made in one go.
    assert done.stderr.count(b"dev hit@2") < EPOCHS


@pytest.mark.long
def test_killed_while_the_folder_is_written_it_writes_it_again(mined: Path, base: Path, tmp_path: Path) -> None:
    words, rng = options(mined, base, tmp_path / "psi", epochs=1), Random(1)
    for _ in range(KILLS):
        kill_midway(words, 1, rng.uniform(0, 1.5), tmp_path / "log")
    assert run(*words).returncode == 0
    once = contents(tmp_path / "psi")
    assert run(*words).returncode == 0
    assert contents(tmp_path / "psi") == once
