"""From files to a report: small logs on pictures drawn here, the real baselines, no network and no weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from semclip.errors import InputError, LogError
from semclip.evaluation.compare import compare, load_system, run_eval
from semclip.evaluation.measurement import EvalConfig, System
from semclip.evaluation.report import POOLED
from semclip.geometry import Box, Size
from semclip.logs import Example
from tests.fakes import ColorRelevance, spotted

SIZE = Size(160, 120)
SPOTS = {"red": Box(8, 8, 24, 20), "green": Box(130, 90, 150, 110)}
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0)}
CONFIG = EvalConfig(ks=(1, 2), resamples=100)
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


def write_log(folder: Path, images: int = 3, **changes: Any) -> Path:
    """A log with a question on each spot of each of `images` pictures."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(images):
        pixels = spotted(SIZE, {box: COLORS[color] for color, box in SPOTS.items()})
        pixels[number, 0] = number
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows += [
            {
                "id": f"{number}-{color}",
                "image": f"{number}.png",
                "question": f"Where is the {color} spot?",
                "evidence": [box.to_list()],
                "split": "dev",
                **changes,
            }
            for color, box in SPOTS.items()
        ]
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def append(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def color_system() -> System:
    color = ColorRelevance()
    return System(color.name, color.fingerprint, lambda _: color)


def test_each_psi_gets_a_result_in_each_set_and_in_all_together(tmp_path: Path) -> None:
    files = [write_log(tmp_path / "streets"), write_log(tmp_path / "boats", images=2)]
    report = run_eval(files, ["oracle", "center"], config=CONFIG)
    assert [(one.set, one.psi, one.questions, one.images) for one in report.results] == [
        ("streets", "oracle", 6, 3),
        ("streets", "center", 6, 3),
        ("boats", "oracle", 4, 2),
        ("boats", "center", 4, 2),
        (POOLED, "oracle", 10, 5),
        (POOLED, "center", 10, 5),
    ]
    assert [one.hit[1].value for one in report.results] == [1, 0] * 3
    assert [one.headroom[1] for one in report.results if one.psi == "oracle"] == [1] * 3
    assert {(one.psi, one.other) for one in report.comparisons} == {("oracle", "center")}


def test_a_report_says_what_made_it(tmp_path: Path) -> None:
    config = EvalConfig(ks=(2, 1), resamples=100, seed=5, split="dev", limit=3)
    report = run_eval([write_log(tmp_path / "set")], ["random", "tiles"], config=config)
    assert (report.split, report.limit, report.seed, report.ks) == ("dev", 3, 5, (2, 1))
    assert [one.psi for one in report.psi] == ["random", "tiles"]
    assert {(one.proposer, one.k, one.max_overlap) for one in report.psi} == {("pyramid", 2, None)}
    assert {one.questions for one in report.results} == {3}


def test_the_report_is_plain_json(tmp_path: Path) -> None:
    report = run_eval([write_log(tmp_path / "set")], ["center", "random"], config=CONFIG)
    plain = report.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["schema_version"] == 1
    assert plain["results"][0]["median_rank"] is None  # the centre holds no spot
    assert set(plain["results"][0]["hit"]) == {"1", "2"}
    assert set(plain["results"][0]["hit"]["1"]) == {"value", "low", "high"}


def test_the_same_terms_give_the_same_figures(tmp_path: Path) -> None:
    log = write_log(tmp_path / "set")
    first, second = (run_eval([log], ["random"], config=CONFIG).results[0] for _ in range(2))
    assert replace(first, embed_s=0, score_s=0) == replace(second, embed_s=0, score_s=0)


def test_the_seed_reaches_random() -> None:
    assert load_system("random", seed=1).fingerprint != load_system("random", seed=2).fingerprint


def test_a_psi_is_encoded_once_an_image_even_where_its_lines_lie_apart(tmp_path: Path) -> None:
    color, image = ColorRelevance(), tmp_path / "set" / "0.png"
    write_log(tmp_path / "set", images=2)
    row = Example("a", image, "Where is the red spot?", evidence=(SPOTS["red"],))
    rows = [row, replace(row, id="b", image=image.with_name("1.png")), replace(row, id="c")]
    report = compare({"set": rows}, [System("color", "c0105", lambda _: color)], config=CONFIG)
    assert report.results[0].hit[1].value == 1
    assert len(color.encoded) == 2


def test_what_cannot_be_measured_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    log = write_log(tmp_path / "set")
    (tmp_path / "set" / "cut.png").write_bytes((tmp_path / "set" / "0.png").read_bytes()[:-40])
    append(
        log,
        "no json",
        '{"id": "gone", "image": "gone.png", "question": "what?", "evidence": [[0, 0, 4, 4]]}',
        '{"id": "cut", "image": "cut.png", "question": "what?", "evidence": [[0, 0, 4, 4]]}',
        '{"id": "size", "image": "0.png", "question": "what?", "evidence": [[0, 0, 4, 4]], "width": 9, "height": 9}',
        '{"id": "none", "image": "0.png", "question": "what?"}',
        '{"id": "0-red", "image": "0.png", "question": "what?", "evidence": [[0, 0, 4, 4]]}',
    )
    report = run_eval([log], ["center"], config=CONFIG)
    assert report.results[0].questions == 6
    reasons = {one.id: one.reason for one in report.rejected}
    assert set(reasons) == {"questions:7", "gone", "cut", "size", "none", "0-red"}
    assert "log's size needs to be that of 0.png, 160x120, got 9x9" in reasons["size"]
    assert "at least one evidence box" in reasons["none"]
    assert f"{log}:12: an earlier line has the id" in reasons["0-red"]
    assert {one.set for one in report.rejected} == {"set"}


def test_a_set_without_a_measured_question_has_no_result(tmp_path: Path) -> None:
    good, bad = write_log(tmp_path / "good"), write_log(tmp_path / "bad", images=1, image="gone.png")
    report = run_eval([good, bad], ["center"], config=CONFIG)
    assert [one.set for one in report.results] == ["good"]
    assert len(report.rejected) == 2


def test_logs_in_folders_of_one_name_keep_their_paths(tmp_path: Path) -> None:
    files = [write_log(tmp_path / first / "set", images=1) for first in ("a", "b")]
    report = run_eval(files, ["center"], config=CONFIG)
    assert [one.set for one in report.results] == [*map(str, files), POOLED]


def test_progress_ends_at_the_number_of_questions(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    run_eval(
        [write_log(tmp_path / "set")],
        ["center"],
        config=CONFIG,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(0, 6), (2, 6), (4, 6), (6, 6)]


def test_no_question_of_a_split_is_an_error_that_names_it(tmp_path: Path) -> None:
    log = write_log(tmp_path / "set")
    with pytest.raises(InputError, match=r"a question of split 'test', got none in .*questions.jsonl"):
        run_eval([log], ["center"], config=EvalConfig(split="test"))
    with pytest.raises(InputError, match="got none in no file"):
        run_eval([], ["center"])


def test_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="readable file"):
        run_eval([tmp_path / "missing.jsonl"], ["center"])


@pytest.mark.parametrize("systems", [[], [color_system(), color_system()]])
def test_psi_need_to_differ(systems: list[System]) -> None:
    with pytest.raises(InputError, match="one or more different psi"):
        compare({}, systems, config=CONFIG)


def test_an_oracle_needs_to_know_the_size() -> None:
    with pytest.raises(InputError, match="the oracle needs the image's size, example 'a' has none"):
        load_system("oracle").relevance_for(Example("a", Path("a.png"), "what?", evidence=(SPOTS["red"],)))


@pytest.mark.long
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the question sets beside the repository")
def test_the_baselines_do_on_real_sets_what_is_known_of_them() -> None:
    files = sorted(SHARED_DATA.glob("*/questions.jsonl"))
    report = run_eval(files, ["tiles", "center", "random", "oracle"], config=EvalConfig(ks=(2, 4), split="dev"))
    assert report.rejected == ()
    results = {(one.set, one.psi): one for one in report.results}
    for name in {one.set for one in report.results}:
        assert results[name, "oracle"].hit[2].value >= 0.97
        assert results[name, "random"].hit[2].value < results[name, "center"].hit[2].value
        assert results[name, "tiles"].visual_tokens[4] == 2880
    tiles = {name: results[name, "tiles"].hit[4].value for name in ("receipts", "scene_text", "chess")}
    assert tiles == pytest.approx({"receipts": 0.56, "scene_text": 0.96, "chess": 0.87}, abs=0.05)
