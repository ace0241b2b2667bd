"""`semclip select`: one question or a log of them, from files or stdin."""

from __future__ import annotations

import json
import os
from pathlib import Path

from PIL import Image

from tests.cli.running import run


def test_one_question_prints_the_documented_object(png: Path) -> None:
    done = run("select", png, "what is it?", "--psi", "tiles", "-k", "3", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = json.loads(done.stdout)
    assert list(shown) == ["image", "question", "psi", "size", "considered", "chosen", "made_by"]
    assert shown["image"] == str(png)
    assert shown["psi"]["name"] == "tiles"
    assert shown["size"] == {"width": 80, "height": 60}
    assert [one["box"] for one in shown["chosen"]] == [[0, 0, 40, 30], [40, 0, 80, 30], [0, 30, 40, 60]]


def test_without_json_a_person_can_read_it(png: Path) -> None:
    lines = run("select", png, "what?", "--psi", "center").stdout.decode().splitlines()
    assert lines[0].startswith(f"{png}  80x60")
    assert lines[1:] == ["1  [20, 15, 60, 45]  0  center"]


def test_a_further_crop_needs_its_gain(png: Path) -> None:
    asked = ("select", png, "what is it?", "--json", "-k", "4", "--min-gain")
    few, many = (json.loads(run(*asked, gain).stdout) for gain in ("1", "0"))
    assert len(few["chosen"]) < len(many["chosen"]) == 4
    assert few["chosen"] == many["chosen"][: len(few["chosen"])]
    assert few["made_by"]["min_gain"] == 1


def test_more_pixels_are_admitted_when_asked_for(tmp_path: Path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    asked = ("select", tmp_path / "large.png", "what?", "--psi", "center", "--json")
    refused = run(*asked)
    assert refused.returncode == 1
    assert b"pixels are admitted" in refused.stderr
    assert json.loads(run(*asked, "--max-pixels", "90000000").stdout)["size"]["width"] == 9000


def test_the_image_can_come_from_stdin(png: Path) -> None:
    done = run("select", "-", "what?", "--psi", "center", "--json", stdin=png.read_bytes())
    assert json.loads(done.stdout)["chosen"][0]["box"] == [20, 15, 60, 45]


def test_a_name_that_is_no_text_is_answered(png: Path) -> None:
    odd = png.rename(png.with_name(os.fsdecode(b"\xff.png")))
    done = run("select", odd, "what?", "--psi", "center")
    assert done.returncode == 0
    assert b"\\udcff.png  80x60" in done.stdout


def test_files_are_written_where_asked(png: Path, tmp_path: Path) -> None:
    overlay, report, out, cache = (tmp_path / name for name in ("o.png", "r.html", "out", "cache"))
    options: list[str | Path] = ["--overlay", overlay, "--report", report, "--out", out, "--cache", cache]
    assert run("select", png, "what?", "--psi", "center", *options).returncode == 0
    with Image.open(overlay) as picture:
        assert picture.size == (80, 60)
    assert report.read_text().startswith("<!doctype html>")
    assert (out / "selection.json").exists()
    assert len(list(cache.iterdir())) == 1


def test_a_log_gives_a_line_for_each_line_and_the_exit_code_says_what_failed(log: Path) -> None:
    done = run("select", "--questions", log, "--psi", "center", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["image"] == "photo.png"
    assert rows[1]["error"]["type"] == "ImageError"
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_log_can_come_from_stdin(log: Path) -> None:
    first = log.read_bytes().splitlines()[0]
    done = run("select", "--questions", "-", "--psi", "center", stdin=first, cwd=log.parent)
    assert done.returncode == 0
    assert json.loads(done.stdout)["id"] == "a"


def test_the_same_command_prints_the_same_bytes(log: Path) -> None:
    outputs = {run("select", "--questions", log, "--psi", "random").stdout for _ in range(2)}
    assert len(outputs) == 1
