"""A run from mined folders: which rows it takes for what, and whose folder is whose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from semclip.errors import InputError
from semclip.evaluation.metrics import best_coverage
from semclip.mining.job import MineConfig, mine
from semclip.mining.store import MinedRow, Store, read_meta
from semclip.mining.work import Work
from semclip.training import runs
from semclip.training.bases import Start
from semclip.training.loop import Precision
from semclip.training.runs import LOCK, RUN, TrainConfig, claimed, read_rows, run_folder, train
from tests.training.making import make_log
from tests.training.toy import Kept


def worthless(crop: PILImage, question: str, answers: tuple[str, ...]) -> float:
    """A reader to whom no crop says anything."""
    return 0.0


def test_the_splits_of_the_log_decide(mined: Path) -> None:
    rows = read_rows([mined])
    assert {row.split for row in rows.train} == {"train"}
    assert {row.split for row in rows.dev} == {"dev"}
    assert (len(rows.train), len(rows.dev)) == (16, 8)
    assert (rows.readers, len(rows.hashes)) == (("boxes",), 1)


def test_what_two_folders_know_of_a_question_is_one_row(mined: Path) -> None:
    once, twice = read_rows([mined]), read_rows([mined, mined])
    assert (len(twice.train), len(twice.dev), len(twice.hashes)) == (16, 8, 2)
    for one, both in zip(once.train, twice.train, strict=True):
        assert (both.id, both.boxes, both.rewards.tolist()) == (one.id, one.boxes, one.rewards.tolist())


def test_without_dev_whole_pictures_are_held_out_always_the_same(tmp_path: Path) -> None:
    mine(make_log(tmp_path / "log", 30, dev=99), tmp_path / "mined", config=MineConfig(Work("boxes")))
    rows, fewer = (read_rows([tmp_path / "mined"], dev_share=share) for share in (0.3, 0.1))
    dev, less = ({row.digest for row in one.dev} for one in (rows, fewer))
    assert less < dev
    assert not dev & {row.digest for row in rows.train}
    assert 3 <= len(dev) <= 15
    assert len(rows.train) + len(rows.dev) == 60
    assert read_rows([tmp_path / "mined"], dev_share=0).dev == []


def test_splits_that_are_neither_are_told(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 6)
    log.write_text(log.read_text().replace('"train"', '"training"'))
    mine(log, tmp_path / "mined", config=MineConfig(Work("boxes")))
    told = r"with a positive box, got none: 0 rows to train on, 4 to measure on, 8 of split 'training' left out"
    with pytest.raises(InputError, match=told):
        read_rows([tmp_path / "mined"])


def test_where_all_is_held_out_it_says_so(tmp_path: Path) -> None:
    mine(make_log(tmp_path / "log", 1, dev=99), tmp_path / "mined", config=MineConfig(Work("boxes")))
    with pytest.raises(InputError, match="got none: 0 rows to train on, 2 to measure on"):
        read_rows([tmp_path / "mined"], dev_share=1.0)


def test_the_run_lies_beside_what_it_makes(tmp_path: Path) -> None:
    assert run_folder(tmp_path / "psi") == tmp_path / "psi.run"
    assert run_folder(Path(".")) == Path.cwd().parent / f"{Path.cwd().name}.run"


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    with claimed(tmp_path / "a.run", {"seed": 0, "of": ["x"]}):
        before = (tmp_path / "a.run" / RUN).read_bytes()
    with claimed(tmp_path / "a.run", {"of": ["x"], "seed": 0}):
        pass
    other = {"seed": 1, "of": ["x"]}
    with pytest.raises(InputError, match=r"a\.run holds another run"), claimed(tmp_path / "a.run", other):
        pass
    assert (tmp_path / "a.run" / RUN).read_bytes() == before


def test_a_run_is_of_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PATIENCE_S", 0.1)
    folder = tmp_path / "a.run"
    with claimed(folder, {}):
        (folder / ".0123.tmp").write_bytes(b"what the first is writing")
        with pytest.raises(InputError, match="another process is training there"), claimed(folder, {}):
            pass
        assert (folder / ".0123.tmp").exists()
    with claimed(folder, {}):
        assert not (folder / ".0123.tmp").exists()


def test_what_killed_processes_left_half_is_removed(tmp_path: Path) -> None:
    with claimed(tmp_path / "a.run", {}):
        (tmp_path / "a.run/.0123.tmp").write_bytes(b"half a state")
        (tmp_path / "a.run/state.safetensors").write_bytes(b"a state")
    with claimed(tmp_path / "a.run", {}):
        left = {path.name for path in (tmp_path / "a.run").iterdir()}
    assert left == {LOCK, RUN, "features", "state.safetensors"}


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a folder that can be written"), claimed(tmp_path / "file" / "a.run", {}):
        pass


def test_an_error_in_a_run_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="of the run"), claimed(tmp_path / "a.run", {}):
        raise OSError("of the run")


def test_an_epoch_is_what_all_processes_see_together() -> None:
    config = TrainConfig(epochs=3, accumulate=2)
    assert (config.schedule(12, 1).every, config.schedule(12, 1).steps) == (6, 18)
    assert (config.schedule(12, 2).every, config.schedule(12, 2).steps) == (3, 9)
    assert config.schedule(1, 4).every == 1
    full = replace(config, start=Start(tune="full"))
    assert full.schedule(12, 1).rate < config.schedule(12, 1).rate == replace(config, rate=1e-3).schedule(12, 1).rate


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"rate": 0.0}, {"rate": -1.0}, {"accumulate": 0}])
def test_numbers_that_no_run_can_have_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="a schedule needs"):
        TrainConfig(**wrong)


def test_a_run_says_first_what_it_works_on(mined: Path, base: Path, tmp_path: Path) -> None:
    class Begun(Exception):
        pass

    class Listening(Kept):
        def begin(self, line: str, /) -> None:
            raise Begun(line)

    with pytest.raises(Begun, match="16 rows to train on, 8 to measure on"):
        train([mined], tmp_path / "psi", TrainConfig(Start(str(base))), watch=Listening())


@pytest.mark.parametrize("fast", [torch.bfloat16, torch.float32], ids=str)
def test_a_run_says_where_bfloat16_slows_it_down(
    fast: torch.dtype, mined: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semclip.training.runs.fast_dtype", lambda device: fast)
    cases: list[tuple[Precision, bool]] = [("bf16", fast == torch.float32), ("no", False)]
    for precision, warned in cases:
        watch = Kept()
        config = TrainConfig(Start(str(base)), epochs=1, pictures=4, boxes=16, precision=precision)
        train([mined], tmp_path / precision, config, watch=watch)
        assert any("does not multiply bfloat16" in line for line in watch.begun) == warned


def test_what_is_told_of_a_run_is_what_is_written(mined: Path, base: Path, tmp_path: Path) -> None:
    config = TrainConfig(Start(str(base)), epochs=1, pictures=4, boxes=16)
    facts = train([mined], tmp_path / "psi", config, watch=Kept())
    assert facts is not None
    assert (facts.rows, facts.pictures, facts.name, facts.encoder) == (16, 8, "psi", "dense")
    assert facts.positives == sum(row.positives for row in read_rows([mined]).train)
    assert facts.settings.keys().isdisjoint({"rerank", "start"})
    assert (facts.settings["boxes"], facts.settings["rate"], facts.settings["tune"]) == (16, 1e-3, "heads")
    assert [(one.name, one.questions) for one in facts.figures] == [("hit@1", 8), ("hit@2", 8)]
    assert all(one.interval is not None and one.base is not None and one.p_value is not None for one in facts.figures)
    card = (tmp_path / "psi/README.md").read_text()
    assert all(f"{one.value:.3f}" in card for one in facts.figures)


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    """Mined rows whose positives show the evidence, save one in each that shows something else."""
    mine(make_log(tmp_path / "log", 6), tmp_path / "doubtful", config=MineConfig(Work("boxes")))
    store = Store(tmp_path / "doubtful", tmp_path / "log")
    rows = [replace(row, rewards=_shows(row)) for row in store.read(0)[0]]
    store.write_meta(read_meta(store.folder)["job"], {"shards": [store.write(0, rows)]})
    return store.folder


def _shows(row: MinedRow) -> NDArray[np.float32]:
    """0.9 for the boxes that show the evidence, and for the last of those that do not; 0.1 for the others."""
    shown = best_coverage(row.boxes, row.evidence) == 1
    shown[np.flatnonzero(~shown)[-1]] = True
    return np.where(shown, 0.9, 0.1).astype(np.float32)


def test_only_on_demand_do_positives_need_what_else_was_tried_and_the_base_to_bear_them_out(
    doubtful: Path, base: Path, tmp_path: Path
) -> None:
    config = TrainConfig(Start(str(base)), epochs=1, pictures=2, boxes=16)
    rows = read_rows([doubtful]).train
    kept, parts = [], []
    for name, agree in (("plain", False), ("agreed", True)):
        watch = Kept()
        facts = train([doubtful], tmp_path / name, replace(config, agree=agree), watch=watch)
        assert facts is not None
        kept.append(facts.positives)
        parts.append(watch.parts)
    assert parts == [[], [(done, len(rows)) for done in range(1, len(rows) + 1)]]
    assert kept[0] == sum(row.positives for row in rows)
    assert kept[0] > kept[1] > 0
