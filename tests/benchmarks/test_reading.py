"""What can be read in the pictures that a 336-px model is given: a rendered document and readers that are made up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.Image import Image as PILImage

from benchmarks.reading.__main__ import main
from benchmarks.reading.pictures import SIDE_PX, shown, tiled, whole
from benchmarks.reading.run import Config, read_answers
from benchmarks.reading.table import to_markdown
from benchmarks.reading.text import Enlarging, Remembering
from recipes.scenes import Scene, render_scene
from semclip import Choice, InputError, SemClip, Size
from semclip.evaluation.answers.findings import Findings
from semclip.images import load
from semclip.mining.readers.matching import Word
from semclip.relevance.baselines import Random
from semclip.types import Pixels
from tests.fakes import ArrayPicture, spotted
from tests.mining.marks import needs_tesseract

SCENE = Size(450, 600)
SQUARE = (SIDE_PX, SIDE_PX)


@dataclass(frozen=True)
class ReadsMarks:
    """Reads the number of a mark, which is its red, where at least `legible_px` of it are there; keeps what it saw."""

    legible_px: int = 300
    seen: list[bytes] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    fingerprint: str = "marks 1"

    def __call__(self, pictures: Sequence[PILImage], /) -> list[list[Word]]:
        self.seen.extend(picture.tobytes() for picture in pictures)
        self.sizes.update(picture.size for picture in pictures)
        return [list(self._words(np.asarray(picture))) for picture in pictures]

    def _words(self, pixels: Pixels) -> Iterator[Word]:
        reds = pixels[..., 0][(pixels[..., 1] > 250) & (pixels[..., 2] < 5)]
        for number, count in enumerate(np.bincount((reds + 15) // 30, minlength=8)):
            if count >= self.legible_px:
                yield Word(f"{number}00", (0, 0, 9, 9))


def color(number: int) -> tuple[int, int, int]:
    return 30 * number, 255, 0


@lru_cache
def document(seed: int) -> Scene:
    return render_scene("document", seed=seed, size=SCENE)


def write_log(folder: Path, *, seed: int = 0) -> Path:
    """A rendered document with up to 8 questions whose evidence is painted over by a mark of its own."""
    scene = document(seed)
    image, rows = scene.image.copy(), []
    for number, question in enumerate(scene.questions[:8]):
        (box,) = question.evidence
        image.paste(color(number), (box.left, box.top, box.right, box.bottom))
        row = {"id": number, "image": "a.png", "question": question.question, "answers": [f"{number}00"]}
        rows.append(row | {"evidence": [box.to_list()]})
    folder.mkdir(exist_ok=True)
    image.save(folder / "a.png")
    log = folder / "questions.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return log


def accuracies(findings: Findings) -> dict[str, float]:
    return {one.strategy: one.accuracy.value for one in findings.results}


def silent(done: int, total: int) -> None:
    pass


def read(folder: Path, *psi: str, reader: ReadsMarks | None = None, seed: int = 0) -> Findings:
    text = Remembering(reader or ReadsMarks(), folder / "cache")
    return read_answers(write_log(folder, seed=seed), text, Config(psi, workers=2), silent)


@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_reads_no_less_than_chance_and_nothing_less_than_the_overview(tmp_path: Path, seed: int) -> None:
    shares = accuracies(read(tmp_path, "oracle", "random", "tiles", seed=seed))
    for k in (1, 2, 4):
        assert shares[f"oracle/{k}"] >= shares[f"random/{k}"]
    assert shares["oracle/4"] > shares["overview"] == min(shares.values())


def test_more_crops_let_no_less_be_read_and_cost_more(tmp_path: Path) -> None:
    overview, _, *random, tiles = read(tmp_path, "random", "tiles").results
    values = [one.accuracy.value for one in (overview, *random)]
    assert values == sorted(values)
    assert [one.visual_tokens for one in (overview, *random)] == [576, 1152, 1728, 2880]
    assert (tiles.strategy, tiles.visual_tokens) == ("tiles", 2880)


def test_the_tiles_of_anyres_cost_what_llava_next_is_sent(tmp_path: Path) -> None:
    _, anyres, *_ = read(tmp_path, "center").results
    assert anyres.strategy == "anyres"
    assert anyres.visual_tokens == 576 + 48 * (36 + 1)


def test_a_reader_sees_squares_of_336_px_and_each_of_them_once(tmp_path: Path) -> None:
    reader = ReadsMarks()
    read(tmp_path, "tiles", "random", "center", "oracle", reader=reader)
    assert reader.sizes == {SQUARE}
    assert len(set(reader.seen)) == len(reader.seen)
    again = ReadsMarks()
    read(tmp_path, "tiles", "random", "center", "oracle", reader=again)
    assert again.seen == []


@settings(max_examples=20)
@given(st.integers(30, 500), st.integers(30, 500))
def test_pictures_are_squares_whatever_the_shape(width: int, height: int) -> None:
    picture = load(spotted(Size(width, height), {}))
    selection = SemClip(Random(), choice=Choice(k=2)).select(picture, "What?")
    pictures = [whole(picture), *tiled(picture), *shown(selection)]
    assert {one.size for one in pictures} == {SQUARE}
    assert pictures[-3].tobytes() == pictures[0].tobytes()


def test_tiles_follow_the_shape() -> None:
    shapes = {Size(600, 600): 4, Size(400, 1200): 3, Size(600, 300): 2, Size(300, 600): 2}
    assert {size: len(tiled(ArrayPicture(spotted(size, {})))) for size in shapes} == shapes


def test_every_strategy_is_set_against_those_that_are_named(tmp_path: Path) -> None:
    log, text = write_log(tmp_path), Remembering(ReadsMarks(), tmp_path / "cache")
    findings = read_answers(log, text, Config(("oracle",), ks=(2,), against=("overview", "anyres")), silent)
    assert [(pair.strategy, pair.other) for pair in findings.pairs] == [
        ("anyres", "overview"),
        ("oracle/2", "overview"),
        ("overview", "anyres"),
        ("oracle/2", "anyres"),
    ]
    shares = accuracies(findings)
    for pair in findings.pairs:
        assert pair.difference.value == pytest.approx(shares[pair.strategy] - shares[pair.other])
    header, _, overview, *_ = to_markdown(findings).splitlines()
    assert header == "| set | strategy | tokens | read | over overview | p | over anyres | p |"
    assert overview.startswith(f"| {tmp_path.name} | overview | 576 | ")
    assert json.loads(json.dumps(findings.to_dict()))["protocol"]["side_px"] == SIDE_PX
    with pytest.raises(InputError, match=r"overview, anyres, oracle/2, got oracle/4"):
        read_answers(log, text, Config(("oracle",), ks=(2,), against=("oracle/4",)), silent)


def test_what_cannot_be_tried_is_rejected_and_the_rest_is_measured(tmp_path: Path) -> None:
    log = write_log(tmp_path)
    row, rows = json.loads(log.read_text().splitlines()[0]), log.read_text()
    changes: tuple[dict[str, Any], ...] = ({"answers": ["?"]}, {"evidence": []}, {"image": "none.png"})
    broken = [row | {"id": f"broken {number}"} | change for number, change in enumerate(changes)]
    log.write_text(rows + "".join(f"{json.dumps(one)}\n" for one in broken))
    findings = read_answers(log, ReadsMarks(), Config(("center",)), silent)
    assert [one.questions for one in findings.results] == [len(rows.splitlines())] * 3
    assert [(one.id, one.reason.split(",")[0]) for one in findings.rejected] == [
        ("broken 0", "a question needs an answer of letters or digits"),
        ("broken 1", "a measured question needs at least one evidence box"),
        ("broken 2", "an image needs a file that can be read"),
    ]
    log.write_text(json.dumps(broken[0]))
    with pytest.raises(InputError, match=r"got none, 1 rejected, the first: .* letters or digits"):
        read_answers(log, ReadsMarks(), Config(("center",)), silent)


def test_enlarged_pictures_are_others_to_a_reader_that_remembers(tmp_path: Path) -> None:
    reader = ReadsMarks()
    picture = Image.new("RGB", (10, 5), color(3))
    for times in (1, 2, 2):
        Remembering(Enlarging(reader, times), tmp_path)([picture])
    assert reader.sizes == {(10, 5), (20, 10)}
    assert len(reader.seen) == 2


@pytest.mark.long
@needs_tesseract
def test_the_command_reads_a_rendered_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = render_scene("document", seed=1)
    scene.image.save(tmp_path / "a.png")
    rows = [
        {"image": "a.png", "split": "dev", "question": one.question, "answers": [one.answer]}
        | {"evidence": [box.to_list() for box in one.evidence]}
        for one in scene.questions[1:4]
    ]
    log = tmp_path / "questions.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [str(log), "--split", "dev", "--psi", "oracle", "-k", "2", "--workers", "2"]
    limit = os.environ.get("OMP_THREAD_LIMIT")
    assert main([*command, "--json"]) == 0
    assert os.environ.get("OMP_THREAD_LIMIT") == limit
    data = json.loads(capsys.readouterr().out)
    overview, _, oracle = (one["accuracy"]["value"] for one in data["results"])
    assert oracle > overview
    assert "enlarged" in data["protocol"]["reader"]
    assert main([*command, "--split", "none"]) == 1
    assert "got none" in capsys.readouterr().err
