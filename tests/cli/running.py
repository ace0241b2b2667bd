"""Running the command line: in a process of its own, as its users do, or in this one, which is far faster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from semclip.cli import app

ROOT = Path(__file__).parent.parent.parent

Done = subprocess.CompletedProcess[bytes]


def run(*words: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> Done:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "semclip", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd, env=environment)


def call(*words: str | Path) -> Done:
    """As `run`, but in this process, and an error is raised: making a line and an exit code of it is left out."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    return Done(words, done.exit_code, done.stdout_bytes, done.stderr_bytes)
