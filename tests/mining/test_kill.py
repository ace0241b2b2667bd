"""A job that is killed again and again ends with the same bytes as one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from semclip.mining.job import MineConfig, mine
from semclip.mining.work import Work
from tests.cli.running import ROOT, run
from tests.mining.making import files, make_log, make_row

KILLS = int(os.environ.get("SEMCLIP_KILLS", "3"))
ROWS = 40 * KILLS
WORK = Work("python:tests.mining.making:redness", psi="random", budget=6)


def kill_midway(words: list[str | Path], out: Path, after_s: float) -> None:
    """Runs the command line, and kills it this long after it has finished something."""
    before = finished(out)
    job = subprocess.Popen([sys.executable, "-m", "semclip", *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    while finished(out) == before:
        assert job.poll() is None
        time.sleep(0.01)
    time.sleep(after_s)
    job.send_signal(signal.SIGKILL)
    job.wait()


def finished(out: Path) -> int:
    """How much of the job's work is in its cache."""
    if not (out / "rewards.sqlite").exists():
        return 0
    with closing(sqlite3.connect(out / "rewards.sqlite")) as file, suppress(sqlite3.OperationalError):
        return int(file.execute("SELECT count(*) FROM rewards").fetchone()[0])
    return 0


@pytest.mark.long
@pytest.mark.parametrize("options", [[], ["--processes", "2"]], ids=["alone", "in two processes"])
def test_killed_at_any_moment_it_ends_with_the_same_shards_and_rejects(tmp_path: Path, options: list[str]) -> None:
    rows = [make_row(number, **({"question": ""} if number % 25 == 0 else {})) for number in range(ROWS)]
    log = make_log(tmp_path, rows)
    mine(log, tmp_path / "whole", config=MineConfig(WORK, rows_per_shard=16))
    killed, moments = tmp_path / "killed", random.Random(0)
    words: list[str | Path] = ["mine", log, "-o", killed, "--reader", "python:tests.mining.making:slowly", "--json"]
    words += ["--psi", "random", "--budget", "6", "--rows-per-shard", "16", "--max-rejects", "10%", *options]
    for _ in range(KILLS):
        kill_midway(words, killed, moments.uniform(0, 0.3))
    summary = json.loads(run(*words).stdout)
    assert files(killed) == files(tmp_path / "whole")
    assert summary["rows"] == ROWS
    assert summary["rejected"] == len(range(0, ROWS, 25))
    assert summary["passes"] == 6 * summary["used"]
    assert summary["spent"] < summary["passes"]
