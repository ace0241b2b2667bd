"""Two processes share a run: each works on batches of its own, and both go the same way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from semclip.errors import InputError
from semclip.protocols import Relevance
from semclip.relevance.checkpoint import load
from tests.cli.running import ROOT, Done, call
from tests.training.test_kill import options


def in_two(*words: str | Path) -> Done:
    """Runs a module under torchrun."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, check=False, cwd=ROOT, env=environment)


@pytest.mark.long
def test_both_see_other_batches_and_have_the_same_weights_after_every_step(tmp_path: Path) -> None:
    done = in_two("tests.training.ranks", tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert (first["numbers"], second["numbers"]) == ([0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11])
    assert first["weights"] == second["weights"]
    assert len(set(first["weights"])) == 7
    assert first["measured"] == second["measured"]
    assert (first["step"], second["step"]) == (6, 6)
    assert (first["told"], second["told"]) == (6, 0)
    assert (first["first"], second["first"], first["count"]) == (True, False, 2)


@pytest.mark.long
def test_two_processes_train_one_psi(mined: Path, base: Path, tmp_path: Path) -> None:
    words = options(mined, base, tmp_path / "psi", epochs=2)
    done = in_two("semclip", *words, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pictures"] == 8
    assert done.stderr.count(b"dev hit@2") == 2
    assert len(list((tmp_path / "psi.run/tensorboard").iterdir())) == 1
    psi: Relevance = load(tmp_path / "psi")
    assert psi.fingerprint != load(base).fingerprint
    assert not list(tmp_path.glob(".*.tmp"))
    with pytest.raises(InputError, match="holds another run"):
        call(*words)
