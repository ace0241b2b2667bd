"""The help texts that stand in the docs, and writing them anew: `python -m tests.help_texts`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]

_BLOCK = re.compile(r"(<!-- help: (?P<command>[^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(text: str) -> str:
    """The same page with what each `<!-- help: COMMAND -->` prints today."""
    return _BLOCK.sub(lambda found: f"{found[1]}```\n{_printed(found['command'])}```\n{found[3]}", text)


def _printed(command: str) -> str:
    words = command.split()[1:]
    if words[:2] != ["psi", "list"]:
        words.append("--help")
    environment = os.environ | {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "PYTHONIOENCODING": "utf-8"}
    run = [sys.executable, "-m", "semclip", *words]
    return subprocess.run(run, capture_output=True, check=True, cwd=ROOT, env=environment, encoding="utf-8").stdout


if __name__ == "__main__":
    for page in DOCS:
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
