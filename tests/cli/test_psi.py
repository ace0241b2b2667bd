"""`semclip psi`: names and fingerprints."""

from __future__ import annotations

from tests.cli.running import run


def test_psi_list_names_every_psi() -> None:
    names = [line.split()[0] for line in run("psi", "list").stdout.decode().splitlines()]
    assert "embedded" in names
    assert names == sorted(names)


def test_psi_show_tells_the_fingerprint() -> None:
    shown = run("psi", "show", "center").stdout.decode().split()
    assert shown[:2] == ["name", "center"]
    assert len(shown[3]) == 64
