"""`semclip ask`: what is sent, what is printed where, and what a command line must say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from semclip.relevance.table import load_relevance
from semclip.selection import GATE_STATISTIC, GATE_VERSION
from tests.adapters.loopback import completion, event, events, refusing, serving
from tests.cli.running import ROOT, call, run
from tests.pages import Page

TILES = ("--psi", "tiles")


@pytest.fixture
def closed_gate(tmp_path: Path) -> Path:
    """A gate for the ψ `tiles` that never opens."""
    fields = {"version": GATE_VERSION, "statistic": GATE_STATISTIC, "threshold": 1, "proposer": "pyramid"}
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(fields | {"psi": {"name": "tiles", "fingerprint": load_relevance("tiles").fingerprint}}))
    return path


def test_a_server_is_sent_overview_and_crops_and_its_answer_is_printed(png: Path) -> None:
    with serving([completion("a red box")]) as server:
        done = run("ask", png, "what?", "--base-url", server.base_url, "--model", "m", *TILES, "-k", "2")
    assert (done.returncode, done.stdout) == (0, b"a red box\n")
    overview, *crops = server.pictures()
    assert overview.size == (80, 60)
    assert len(crops) == 2
    assert (server.asked[0]["model"], server.asked[0]["max_tokens"]) == ("m", 128)
    assert b"--family" in done.stderr


def test_the_cost_is_on_stderr_where_the_family_is_known(png: Path) -> None:
    with serving([completion()]) as server:
        where = ("--base-url", server.base_url, "--model", "m", "--family", "llava-1.5")
        done = call("ask", png, "what?", *where, *TILES, "-k", "1", "--fusion", "append")
    assert done.stderr.decode().startswith("semclip: 1,152 visual tokens; overview 576, crops 576; AnyRes or native")


def test_json_holds_answer_selection_and_usage(png: Path) -> None:
    with serving([completion("42")]) as server:
        where = ("--base-url", server.base_url, "--model", "m", "--family", "llava-1.5")
        shown = json.loads(call("ask", png, "what?", *where, *TILES, "--fusion", "append", "--json").stdout)
    assert list(shown) == ["text", "selection", "crops_shown", "usage", "notes"]
    assert (shown["text"], shown["crops_shown"], shown["usage"]["visual_tokens"]) == ("42", 2, 1728)
    assert len(shown["selection"]["chosen"]) == 2


def test_with_k_0_the_model_gets_the_picture_and_the_question_alone(png: Path) -> None:
    with serving([completion()]) as server:
        run("ask", "-", "what?", "--base-url", server.base_url, "--model", "m", "-k", "0", stdin=png.read_bytes())
    picture, text = server.asked[0]["messages"][0]["content"]
    assert picture["type"] == "image_url"
    assert text == {"type": "text", "text": "what?"}


def test_decoding_and_budget_are_passed_on(png: Path) -> None:
    terms = ("--max-tokens", "5", "--temperature", "0.5", "--max-visual-tokens", "1200", "--fusion", "append")
    with serving([completion()]) as server:
        where = ("--base-url", server.base_url, "--model", "m", "--family", "llava-1.5")
        done = call("ask", png, "what?", *where, *TILES, *terms)
    assert (server.asked[0]["max_tokens"], server.asked[0]["temperature"]) == (5, 0.5)
    assert len(server.pictures()) == 2
    assert b"1 of 2 crops shown" in done.stderr


def test_a_closed_gate_shows_the_overview_alone(png: Path, closed_gate: Path) -> None:
    with serving([completion()]) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        done = call("ask", png, "what?", *where, *TILES, "--gate", closed_gate, "--json")
    assert len(server.pictures()) == 1
    shown = json.loads(done.stdout)
    assert shown["crops_shown"] == 0
    assert shown["selection"]["made_by"]["gate"]["open"] is False


def test_a_gate_for_another_psi_is_refused(png: Path, closed_gate: Path) -> None:
    where = ("--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    done = run("ask", png, "what?", *where, "--psi", "center", "--gate", closed_gate)
    assert done.returncode == 1
    assert b"a gate needs to be calibrated for center" in done.stderr


def test_files_show_where_it_looked(png: Path, tmp_path: Path) -> None:
    overlay, report, out = (tmp_path / name for name in ("o.png", "r.html", "out"))
    with serving([completion("42")]) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        call("ask", png, "what?", *where, *TILES, "--overlay", overlay, "--report", report, "--out", out)
    assert overlay.exists()
    assert "42" in Page(report.read_text(encoding="utf-8")).text
    assert (out / "crop-2.png").exists()


def test_a_log_gives_an_answer_for_each_line(log: Path) -> None:
    with serving([completion("42")]) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        done = call("ask", "--questions", log, *where, *TILES)
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert (first["id"], first["image"], first["text"]) == ("a", "photo.png", "42")
    assert second["error"]["type"] == "ImageError"
    assert done.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_the_text_is_streamed_without_its_control_codes(png: Path) -> None:
    import pty

    master, terminal = pty.openpty()
    with serving([events(event("a \x1b[31mred"), event(" box"), event(None, "stop"))]) as server:
        words = ["ask", str(png), "what?", "--base-url", server.base_url, "--model", "m", *TILES]
        command = [sys.executable, "-m", "semclip", *words]
        done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    os.close(terminal)
    with os.fdopen(master, "rb") as screen:
        assert screen.readline() == b"a [31mred box\r\n"
    assert server.asked[0]["stream"] is True
    assert done.returncode == 0


@pytest.mark.parametrize(
    "words",
    [("nowhere.jpg", "q"), ("photo.png", "q", "--gate", "none.json"), ("photo.png", "q", "--psi", "nobody")],
)
def test_what_is_quick_to_read_is_read_before_the_model_is_loaded(words: tuple[str, ...], png: Path) -> None:
    done = run("ask", *words, "--vlm", "no-model", cwd=png.parent)
    assert done.returncode == 1
    assert b"no-model" not in done.stderr


def test_a_server_that_is_down_is_one_line(png: Path) -> None:
    with refusing() as base_url:
        done = run("ask", png, "what?", "--base-url", base_url, "--model", "m", *TILES, "-k", "0")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert base_url.encode() in done.stderr


def test_a_log_ends_with_the_first_question_for_a_server_that_is_down(log: Path) -> None:
    first, second = log.read_text().splitlines()
    log.write_text("\n".join((second, first, second)))
    with refusing() as base_url:
        done = call("ask", "--questions", log, "--base-url", base_url, "--model", "m", *TILES)
    errors = [json.loads(line)["error"] for line in done.stdout.splitlines()]
    assert [error["type"] for error in errors] == ["ImageError", "ServerUnreachable"]
    assert base_url in errors[-1]["message"]
    assert (done.returncode, done.stderr) == (1, b"semclip: no server: lines left out at the end: 1\n")


@pytest.mark.parametrize(
    "words",
    [
        ["ask"],
        ["ask", "a.png", "what?"],
        ["ask", "a.png", "what?", "--vlm", "x", "--base-url", "y", "--model", "z"],
        ["ask", "a.png", "what?", "--base-url", "http://127.0.0.1:9/v1"],
        ["ask", "a.png", "what?", "--vlm", "x", "--model", "z"],
        ["ask", "a.png", "what?", "--vlm", "x", "--timeout", "3"],
        ["ask", "a.png", "what?", "--base-url", "y", "--model", "z", "--device", "cpu"],
        ["ask", "a.png", "what?", "--vlm", "x", "--fusion", "mix"],
    ],
)
def test_a_command_line_that_cannot_be_understood_exits_2(words: list[str], tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


@pytest.mark.long
@pytest.mark.parametrize("psi", ["tiles", "vlm:attention"])
def test_a_model_in_a_folder_answers_as_it_does_from_python(
    png: Path, psi: str, vlm_folder: Callable[[str], Path]
) -> None:
    from semclip import vlm

    folder = vlm_folder("llava")
    options = ("--psi", psi, "--max-tokens", "4", "--dtype", "float32", "--device", "cpu", "--json")
    done = call("ask", png, "what?", "--vlm", folder, *options)
    answer = vlm.load(folder, dtype="float32").using(psi=psi).ask(str(png), "what?", max_tokens=4)
    assert json.loads(done.stdout) == answer.to_dict()
    assert ("ψ takes at most 2 passes" in done.stderr.decode()) == (psi == "vlm:attention")
