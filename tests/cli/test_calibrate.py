"""`semclip calibrate`: a gate from a log, by evidence or by a server's answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from semclip.geometry import Box, Size
from semclip.selection import Gate
from tests.adapters.loopback import completion, serving
from tests.cli.running import call, run
from tests.fakes import spotted


@pytest.fixture
def two_images(tmp_path: Path) -> Path:
    """A log: the centre crop holds the first image's small evidence, the second's is large."""
    boxes = {"1.png": Box(35, 25, 45, 35), "2.png": Box(5, 5, 45, 45)}
    rows = []
    for name, box in boxes.items():
        Image.fromarray(spotted(Size(80, 60), {box: (255, 0, 0)})).save(tmp_path / name)
        rows.append({"image": name, "question": "what?", "answers": ["red"], "evidence": [box.to_list()]})
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_evidence_gives_a_gate_and_a_table(two_images: Path, tmp_path: Path) -> None:
    done = call("calibrate", two_images, "--psi", "center", "-o", tmp_path / "gate.json")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("threshold 0.0000 for the peak of center, k = 2")
    assert [line.split()[:2] for line in lines[2:4]] == [["never", "0.500"], ["always", "1.000"]]
    assert Gate.read(tmp_path / "gate.json").threshold == 0


def test_what_counts_as_legible_can_be_said(two_images: Path, tmp_path: Path) -> None:
    done = call("calibrate", two_images, "--psi", "center", "-o", tmp_path / "g.json", "--legible-px", "10", "--json")
    found = json.loads(done.stdout)
    assert found["figures"]["never"]["right"]["value"] == 1
    assert found["threshold"] == 1
    assert json.loads((tmp_path / "g.json").read_text()) == found


def test_a_server_is_asked_with_and_without_crops(two_images: Path, tmp_path: Path) -> None:
    with serving(lambda asked: completion("red" if len(asked["messages"][0]["content"]) == 2 else "blue")) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        done = call("calibrate", two_images, "--psi", "center", "-o", tmp_path / "gate.json", *where, "--json")
    found = json.loads(done.stdout)
    assert len(server.asked) == 4
    assert found["judge"] == "answers of m"
    rates = {name: figures["right"]["value"] for name, figures in found["figures"].items()}
    assert rates == {"never": 1, "always": 0, "gated": 1}
    assert found["figures"]["never"]["visual_tokens"] is None


def test_what_cannot_be_judged_is_said_on_stderr_without_control_codes(two_images: Path, tmp_path: Path) -> None:
    two_images.write_text(two_images.read_text() + '\n{"id": "\\u001b[31m3", "image": "none.png", "question": "what?"}')
    done = call("calibrate", two_images, "--psi", "center", "-o", tmp_path / "gate.json")
    assert done.returncode == 1
    assert done.stderr.startswith(b"semclip: log, [31m3: ")
    assert (tmp_path / "gate.json").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["calibrate", "log.jsonl"], 2),
        (["calibrate", "log.jsonl", "-o", "g", "--model", "m"], 2),
        (["calibrate", "log.jsonl", "-o", "g", "--fusion", "append"], 2),
        (["calibrate", "log.jsonl", "-o", "g", "--vlm", "x", "--legible-px", "9"], 2),
        (["calibrate", "none.jsonl", "-o", "g", "--psi", "center"], 1),
        (["calibrate", "log.jsonl", "-o", "1.png/gate.json", "--psi", "center"], 1),
    ],
)
def test_what_goes_wrong_is_one_line(words: list[str], code: int, two_images: Path) -> None:
    done = run(*words, cwd=two_images.parent)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (code, b"", 1)


@pytest.mark.long
def test_the_gate_of_a_psi_in_a_folder_is_written_there_and_nowhere_read_unasked(two_images: Path) -> None:
    from tests.relevance import tiny

    folder = two_images.parent / "psi"
    tiny.save_clip(folder)
    assert call("calibrate", two_images, "--psi", f"hf:{folder}").returncode == 0
    assert Gate.read(folder / "gate.json").psi
    chosen = call("select", two_images.parent / "1.png", "what?", "--psi", f"hf:{folder}", "--json").stdout
    assert json.loads(chosen)["made_by"]["gate"] is None
