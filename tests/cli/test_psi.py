"""`semclip psi`: names, fingerprints, what a folder tells, and the way to a hub."""

from __future__ import annotations

import json
from pathlib import Path

from semclip.relevance.checkpoint import WEIGHTS, load
from tests.cli.running import call, run
from tests.relevance.checkpoint.folders import save_tiny


def test_psi_list_names_every_psi() -> None:
    names = [line.split()[0] for line in run("psi", "list").stdout.decode().splitlines()]
    assert {"DIR", "embedded", "hub:"} <= set(names)
    assert names == sorted(names)


def test_psi_show_tells_the_fingerprint() -> None:
    shown = run("psi", "show", "center").stdout.decode().split()
    assert shown[:2] == ["name", "center"]
    assert len(shown[3]) == 64


def test_psi_show_tells_what_a_folder_holds(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    lines = dict(line.split(maxsplit=1) for line in call("psi", "show", folder).stdout.decode().splitlines())
    assert lines["name"] == str(folder)
    assert lines["fingerprint"] == load(folder).fingerprint
    assert lines["encoder"] == "crops"
    assert lines["settings.logit_scale"] == "10.0"
    assert lines["files.model.safetensors"] == str((folder / WEIGHTS).stat().st_size)


def test_psi_show_prints_json(tmp_path: Path) -> None:
    told = json.loads(call("psi", "show", save_tiny(tmp_path / "tiny"), "--json").stdout)
    assert told["model"] == {"kind": "tiny"}
    assert told["parameters"] == 24


def test_a_folder_is_a_psi_of_every_command(png: Path, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    selected = call("select", png, "the red one", "--psi", folder, "--json")
    assert json.loads(selected.stdout)["psi"]["fingerprint"] == load(folder).fingerprint


def test_psi_push_of_a_damaged_folder_is_one_line(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / WEIGHTS).write_bytes(b"")
    done = run("psi", "push", folder, "we/tiny")
    assert (done.returncode, done.stdout) == (1, b"")
    assert len(done.stderr.splitlines()) == 1
    assert b"model.safetensors" in done.stderr
