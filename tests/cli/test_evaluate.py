"""`semclip eval`: a table, Markdown or JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import run


def test_eval_prints_a_table_or_json_and_what_it_rejected(log: Path) -> None:
    table = run("eval", log, "--psi", "center", "--psi", "random", "-k", "1,2")
    assert "hit@1" in table.stdout.decode()
    assert table.stderr.decode().count("\n") == 1
    assert table.returncode == 1
    report = json.loads(run("eval", log, "--psi", "center", "--json", "--limit", "1").stdout)
    assert report["ks"] == [1, 2, 4]
    assert run("eval", log, "--psi", "center", "--markdown").stdout.startswith(b"| set |")
