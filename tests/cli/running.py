"""Running the command line as its users do, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

Done = subprocess.CompletedProcess[bytes]


def run(*words: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> Done:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "semclip", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd, env=environment)
