"""A job that is killed again and again ends with the same bytes as one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from semclip.errors import InputError
from semclip.mining.store import read_mined
from tests.cli.running import ROOT, call, run
from tests.mining.making import files, make_log, make_row

KILLS = int(os.environ.get("SEMCLIP_KILLS", "3"))
ROWS = 40 * KILLS


WORDS = ["--psi", "random", "--budget", "6", "--rows-per-shard", "16", "--max-rejects", "10%", "--json"]

ENDED = """
import os, signal, sys

def watch(event, words):
    # What os.replace, too, announces before it happens.
    if event == "os.rename" and str(words[1]).endswith("mined.json") and "rejects.jsonl" in os.listdir(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
import semclip.__main__
semclip.__main__.main()
"""
"""Runs the command line `mine LOG -o OUT ...`; kills itself before it says that the job is complete."""


def kill(words: list[str | Path], after_s: float) -> None:
    """Runs the command line, and kills it this long after its start."""
    job = subprocess.Popen([sys.executable, "-m", "semclip", *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        job.wait(after_s)
    job.kill()
    job.wait()


@pytest.mark.long
@pytest.mark.parametrize("options", [[], ["--processes", "2"]], ids=["alone", "in two processes"])
def test_killed_at_any_moment_it_ends_with_the_same_shards_and_rejects(tmp_path: Path, options: list[str]) -> None:
    rows = [make_row(number, **({"question": ""} if number % 25 == 0 else {})) for number in range(ROWS)]
    log = make_log(tmp_path, rows)
    killed, moments = tmp_path / "killed", random.Random(0)
    words: list[str | Path] = ["mine", log, "--reader", "python:tests.mining.making:slowly", *WORDS, *options]
    started_s = time.perf_counter()
    assert run(*words, "-o", tmp_path / "whole").returncode == 0
    took_s = time.perf_counter() - started_s
    for _ in range(KILLS):
        kill([*words, "-o", killed], moments.uniform(0, took_s))
    summary = json.loads(run(*words, "-o", killed).stdout)
    assert files(killed) == files(tmp_path / "whole")
    assert summary["rows"] == ROWS
    assert summary["rejected"] == len(range(0, ROWS, 25))
    assert summary["passes"] == 6 * summary["used"]


def test_killed_when_all_but_the_end_is_written_it_only_ends(tmp_path: Path) -> None:
    log = make_log(tmp_path, [make_row(number) for number in range(20)])
    words: list[str | Path] = [log, "-o", tmp_path / "a", "--reader", "python:tests.mining.making:redness", *WORDS]
    job = subprocess.run([sys.executable, "-c", ENDED, "mine", *words], cwd=ROOT, check=False, capture_output=True)
    assert job.returncode == -signal.SIGKILL
    whole = files(tmp_path / "a")
    with pytest.raises(InputError, match="a job that has ended"):
        read_mined(tmp_path / "a")
    summary = json.loads(call("mine", *words).stdout)
    assert (summary["used"], summary["spent"]) == (20, 0)
    assert files(tmp_path / "a") == whole
    assert len(read_mined(tmp_path / "a").rows) == 20
