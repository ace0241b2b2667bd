"""`semclip train`: a folder that is a ψ, what is said meanwhile, and errors in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from semclip.errors import InputError, ModelError
from semclip.mining.job import MineConfig, mine
from semclip.mining.work import Work
from tests.cli.running import call, run
from tests.training.making import make_base, make_log, make_mined


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mined(tmp_path_factory.mktemp("mined"), 9)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base") / "psi")


def options(mined: Path, base: Path | str, out: Path, *more: str) -> list[str | Path]:
    words = ["--pictures", "4", "--boxes", "32", "--epochs", "2", "--workers", "0"]
    return ["train", mined, "-o", out, "--base", base, *words, *more]


def test_a_log_becomes_a_psi_that_the_other_commands_take(mined: Path, base: Path, tmp_path: Path) -> None:
    done = call(*options(mined, base, tmp_path / "psi", "--json"))
    facts = json.loads(done.stdout)
    assert (facts["rows"], facts["pictures"], facts["reader"], facts["encoder"]) == (12, 6, "boxes", "dense")
    assert [(figure["name"], figure["questions"]) for figure in facts["figures"]] == [("hit@1", 6), ("hit@2", 6)]
    assert (facts["settings"]["epochs"], facts["settings"]["tune"]) == (2, "heads")
    begin, *told = done.stderr.decode().splitlines()
    assert begin == "semclip: 12 rows to train on, 6 to measure on"
    assert [line.partition(",")[0] for line in told] == ["semclip: step 2 of 4", "semclip: step 4 of 4"]
    assert all("loss" in line and "dev hit@2" in line for line in told)
    assert [path.name.split(".")[0] for path in (tmp_path / "psi.run/tensorboard").iterdir()] == ["events"]
    card = (tmp_path / "psi/README.md").read_text()
    assert "# `psi`, a ψ for semclip" in card
    picture = mined.parent / "log/0.png"
    selected = call("select", picture, "where is the red spot?", "--psi", tmp_path / "psi", "--json")
    assert selected.returncode == 0
    assert json.loads(call("psi", "show", tmp_path / "psi", "--json").stdout)["encoder"] == "dense"


def test_a_log_that_a_small_vlm_mined_is_trained_on_like_any_other(
    vlm_folder: Callable[[str], Path], base: Path, tmp_path: Path
) -> None:
    log, reader = make_log(tmp_path / "log", 9), f"vlm:{vlm_folder('qwen2_vl')}"
    done = call("mine", log, "-o", tmp_path / "mined", "--reader", reader, "--reward", "likelihood", "--json")
    summary = json.loads(done.stdout)
    assert (summary["used"], summary["rejected"], summary["most_passes"]) == (18, 0, 16)
    assert summary["with_positive"] > 0
    facts = json.loads(call(*options(tmp_path / "mined", base, tmp_path / "psi", "--json")).stdout)
    assert facts["reader"].startswith("vlm:")
    picture = tmp_path / "log/0.png"
    assert call("select", picture, "where is the red spot?", "--psi", tmp_path / "psi").returncode == 0


def test_a_finished_run_says_the_same_again_and_no_other_run_takes_its_folder(
    mined: Path, base: Path, tmp_path: Path
) -> None:
    words = options(mined, base, tmp_path / "psi")
    first, again = call(*words), call(*words, "--workers", "1")
    assert again.stderr == b"semclip: 12 rows to train on, 6 to measure on\n"
    assert again.stdout == first.stdout
    assert first.stdout.startswith(b"trained on 12 questions about 6 pictures, ")
    assert first.stdout.count(b", 6 questions\n") == 2
    assert first.stdout.endswith(f"written to {tmp_path / 'psi'}\n".encode())
    with pytest.raises(InputError, match=r"psi\.run holds another run.*remove it, or choose another -o"):
        call(*words, "--seed", "1")


@pytest.mark.long
@pytest.mark.parametrize(
    "more",
    [
        ["--tune", "full", "--size-weight", "0.9", "--precision", "bf16", "--accumulate", "2"],
        ["--tune", "lora", "--objective", "siglip", "--precision", "fp16"],
        ["--tune", "heads", "--objective", "siglip", "--rate", "0.01", "--workers", "1"],
        ["--architecture", "joint", "--rerank", "7"],
    ],
    ids=lambda more: " ".join(more),
)
def test_options_reach_the_run(mined: Path, base: Path, tmp_path: Path, more: list[str]) -> None:
    facts = json.loads(call(*options(mined, base, tmp_path / "psi", *more, "--json")).stdout)
    flat = {**facts["settings"], "objective": facts["objective"]["kind"]}
    for name, value in zip(more[::2], more[1::2], strict=True):
        assert str(flat[name.removeprefix("--").replace("-", "_")]) == value


def test_without_dev_pictures_it_trains_to_the_end_and_claims_nothing(mined: Path, base: Path, tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 4, dev=99)
    mine(log, tmp_path / "mined", config=MineConfig(Work("boxes")))
    words = options(tmp_path / "mined", base, tmp_path / "psi", "--dev-share", "0", "--patience", "1", "--epochs", "3")
    done = call(*words, "--json")
    assert json.loads(done.stdout)["figures"] == []
    assert done.stderr == b"semclip: 8 rows to train on, 0 to measure on\n"
    assert "Not measured" in (tmp_path / "psi/README.md").read_text()


@pytest.mark.long
def test_a_run_of_a_base_that_has_changed_is_another_run(mined: Path, base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "base")
    words = options(mined, tmp_path / "base", tmp_path / "psi")
    call(*words)
    shutil.rmtree(tmp_path / "base")
    (tmp_path / "psi").rename(tmp_path / "base")
    with pytest.raises(InputError, match="holds another run"):
        call(*words)


def test_a_folder_that_holds_something_else_is_refused_before_anything_is_done(
    mined: Path, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/one.png").write_bytes(b"")
    with pytest.raises(InputError, match="photos is there already"):
        call(*options(mined, base, tmp_path / "photos"))
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_folder_of_another_model_is_no_place_for_a_psi(mined: Path, base: Path, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(InputError, match=r"folder of its own, got .*clip: .*format"):
        call(*options(mined, base, tmp_path / "clip"))
    assert [path.name for path in tmp_path.rglob("*")] == ["clip", "config.json"]


def test_a_psi_does_not_replace_its_own_base(mined: Path, base: Path) -> None:
    with pytest.raises(InputError, match=r"folder of its own, got that of its base"):
        call(*options(mined, base, base / "../psi"))


def test_rows_without_a_positive_are_nothing_to_learn_from(base: Path, tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 3)
    work = Work("python:tests.training.test_runs:worthless", psi="center", budget=3)
    mine(log, tmp_path / "mined", config=MineConfig(work))
    with pytest.raises(InputError, match=r"with a positive box, got none: \d rows to train on, 0 to measure on"):
        call(*options(tmp_path / "mined", base, tmp_path / "psi"))
    assert not (tmp_path / "psi.run").exists()


def test_a_missing_folder_and_an_unknown_base_are_one_line_each(mined: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder that semclip mine wrote, got .*none"):
        call(*options(tmp_path / "none", base, tmp_path / "psi"))
    with pytest.raises(ModelError, match="embedded, open_clip:…, hf:… or the folder of a psi, got nobody"):
        call(*options(mined, "nobody", tmp_path / "psi"))
    assert list(tmp_path.iterdir()) == []
    failed = run(*options(mined, "nobody", tmp_path / "psi"))
    assert failed.returncode == 1, failed.stderr
    assert (failed.stdout, failed.stderr.count(b"\n")) == (b"", 1)


def test_a_run_that_diverges_is_an_error(mined: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="finite"):
        call(*options(mined, base, tmp_path / "psi", "--tune", "full", "--rate", "1e30", "--epochs", "9"))
    assert not (tmp_path / "psi").exists()


def test_a_rate_that_makes_no_sense_is_refused_before_anything_is_done(mined: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a rate above 0"):
        call(*options(mined, base, tmp_path / "psi", "--rate", "0"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["--tune", "most"],
        ["--epochs", "0"],
        ["--precision", "8"],
        ["--boxes", "1"],
        ["--rerank", "4"],
        ["--size-weight", "-1"],
        ["--architecture", "joint", "--tune", "heads"],
        ["--architecture", "joint", "--size-weight", "1"],
    ],
)
def test_a_command_line_that_cannot_be_understood_is_a_usage_error(
    mined: Path, base: Path, tmp_path: Path, wrong: list[str]
) -> None:
    assert call(*options(mined, base, tmp_path / "psi", *wrong)).returncode == 2
    assert list(tmp_path.iterdir()) == []
