"""One process, several or Ray: the same bytes, the same errors, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from semclip.errors import InputError, ModelError, ServerRefusal, ServerUnreachable
from semclip.mining.job import MineConfig, mine
from semclip.mining.rewards import Query, Rewards
from semclip.mining.runners import Processes, Runner, serial
from semclip.mining.store import read_mined
from semclip.mining.work import Work
from semclip.types import Picture
from tests.cli.running import ROOT, run
from tests.mining.making import files, make_log, make_row

CONFIG = MineConfig(Work("python:tests.mining.making:redness", psi="random", budget=3), rows_per_shard=7)


@dataclass(frozen=True)
class Broken:
    """Where a question says so it fails as a server does: with an error that is made of more than a message."""

    refuses: bool
    name: str = "broken"
    fingerprint: str = "b0"
    least_passes: int = 1

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> Iterator[Rewards | InputError]:
        for query in queries:
            if "broken" in query.example.question:
                raise ServerRefusal("no", status=400) if self.refuses else ServerUnreachable("nobody there")
            yield Rewards(np.zeros(len(query.boxes), np.float32), passes=1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [make_row(number) for number in range(24)]
    rows[4] = make_row(4, evidence=[[0, 0, 999, 999]])
    return make_log(tmp_path, rows)


@pytest.mark.parametrize("psi", ["random", pytest.param("embedded", marks=pytest.mark.long)])
def test_several_processes_make_the_same_shards(log: Path, tmp_path: Path, psi: str) -> None:
    config = replace(CONFIG, work=replace(CONFIG.work, psi=psi))
    alone = mine(log, tmp_path / "alone", config=config)
    shared = mine(log, tmp_path / "shared", config=config, run=Processes(2))
    assert files(tmp_path / "alone") == files(tmp_path / "shared")
    assert (alone.counts(), alone.spent) == (shared.counts(), shared.spent)
    assert shared.rejected == 1


@pytest.mark.long
def test_a_ray_cluster_makes_the_same_shards(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In a process of its own, since Ray leaves children behind; and a busy machine is no failure.
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")
    mine(log, tmp_path / "alone", config=CONFIG)
    words = ["--reader", "python:tests.mining.making:redness", "--psi", "random", "--budget", "3"]
    done = run("mine", log, "-o", tmp_path / "ray", "--ray", "--rows-per-shard", "7", "--max-rejects", "1", *words)
    assert (done.returncode, files(tmp_path / "alone")) == (0, files(tmp_path / "ray")), done.stderr.decode()


@pytest.mark.parametrize("refuses", [True, False])
def test_what_fails_in_another_process_fails_here(tmp_path: Path, refuses: bool) -> None:
    log = make_log(tmp_path, [make_row(0, question="broken?")])
    with pytest.raises(Exception, match="no" if refuses else "nobody there") as caught:
        mine(log, tmp_path / "a", config=replace(CONFIG, work=Work(Broken(refuses))), run=Processes(2))
    assert isinstance(caught.value, ServerUnreachable) is not refuses


def test_a_process_that_is_ended_from_outside_is_an_error_and_no_wait(log: Path, tmp_path: Path) -> None:
    work = replace(CONFIG.work, reader="python:tests.mining.making:vanishing")
    with pytest.raises(ModelError, match="ended from outside"):
        mine(log, tmp_path / "a", config=replace(CONFIG, work=work), run=Processes(1))


@pytest.mark.parametrize("run", [serial, Processes(2)], ids=["alone", "in two processes"])
def test_what_was_done_before_a_failure_stays(tmp_path: Path, run: Runner) -> None:
    rows = [make_row(number, **({"question": "broken?"} if number >= 20 else {})) for number in range(24)]
    log = make_log(tmp_path, rows)
    with pytest.raises(ServerUnreachable):
        mine(log, tmp_path / "a", config=replace(CONFIG, work=Work(Broken(False), psi="random")), run=run)
    assert [row.id for row in read_mined(tmp_path / "a", incomplete=True).rows] == [f"row-{n}" for n in range(14)]


def test_a_reader_that_cannot_travel_is_refused(log: Path, tmp_path: Path) -> None:
    from semclip.mining.readers.function import FunctionReader

    reader = FunctionReader("local", lambda crop, question, answers: 1.0)
    with pytest.raises(InputError, match="that can be pickled"):
        mine(log, tmp_path / "a", config=replace(CONFIG, work=Work(reader, psi="random")), run=Processes(2))


def test_no_process_is_no_runner() -> None:
    with pytest.raises(InputError, match="at least 1"):
        Processes(0)


def test_processes_end_when_what_started_them_is_killed(log: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [sys.executable, "-m", "semclip", "mine", log, "-o", tmp_path / "a", "--processes", "2"]
    words += ["--reader", "python:tests.mining.making:forever", "--psi", "random"]
    job = subprocess.Popen(words, cwd=ROOT)
    while len(children := _children(job.pid)) < 2:
        assert job.poll() is None
        time.sleep(0.05)
    job.send_signal(signal.SIGKILL)
    job.wait()
    while any(_is_running(child) for child in children):
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    """The processes of the pool that `pid` started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _parent(int(entry.name)) == pid and "spawn_main" in _command(int(entry.name)):
            found.append(int(entry.name))
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
