"""From a log to a gate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from semclip.errors import InputError, LogError
from semclip.evaluation.calibration import CalibrationConfig, calibrate
from semclip.evaluation.judges import Trial
from semclip.logs import Example
from semclip.pipeline import SemClip
from semclip.selection import Choice, Gate
from tests.fakes import ColorRelevance


@dataclass(frozen=True)
class LookUp:
    """A judge that reads the outcome from the question: its peak, then a letter for each way that is right."""

    semclip: SemClip = field(default_factory=lambda: SemClip(ColorRelevance()))
    name: str = "look-up"

    def __call__(self, rows: Sequence[Example], /) -> list[Trial | InputError]:
        return [self._trial(row) for row in rows]

    def _trial(self, row: Example) -> Trial | InputError:
        peak, _, letters = row.question.partition(" ")
        if peak == "?":
            return InputError("nobody knows")
        return Trial(row.image, float(peak), "n" in letters, "c" in letters, 100, 300)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Crops help at a peak of 0.6 and harm at one of 0.2, on ten images."""
    questions = ["0.6 c", "0.2 n", "0.4 nc"] * 10
    rows = [{"image": f"{n // 3}.png", "question": question} for n, question in enumerate(questions)]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(row | {"split": "dev"}) for row in rows))
    return path


def test_a_log_becomes_a_gate_with_figures(log: Path) -> None:
    done: list[tuple[int, int]] = []
    found = calibrate(log, LookUp(), config=CalibrationConfig(), progress=lambda *pair: done.append(pair))
    assert found.gate == Gate(0.5, ColorRelevance().fingerprint, "pyramid")
    rates = {name: round(figures.right.value, 3) for name, figures in found.figures.items()}
    assert rates == {"never": 0.667, "always": 0.667, "gated": 1.0}
    assert found.figures["gated"].shown == pytest.approx(1 / 3)
    assert found.figures["gated"].visual_tokens == pytest.approx(500 / 3)
    assert (found.questions, found.images, found.k) == (30, 10, 2)
    assert (done[0], done[-1]) == ((0, 30), (30, 30))
    assert str(found).startswith("threshold 0.5000")


def test_what_may_be_lost_is_lost_for_fewer_crops(log: Path) -> None:
    questions = ["0.8 c", "0.8 c", "0.6 c", "0.4 nc"] * 10
    rows = [{"image": f"{n // 4}.png", "question": question} for n, question in enumerate(questions)]
    log.write_text("\n".join(map(json.dumps, rows)))
    strict, lax = (calibrate(log, LookUp(), config=CalibrationConfig(may_lose=share)) for share in (0.0, 0.3))
    assert (strict.gate.threshold, lax.gate.threshold) == pytest.approx((0.5, 0.7))
    assert (strict.figures["gated"].shown, lax.figures["gated"].shown) == (0.75, 0.5)


def test_what_is_written_is_what_a_gate_reads(log: Path, tmp_path: Path) -> None:
    found = calibrate(log, LookUp(), config=CalibrationConfig())
    (tmp_path / "gate.json").write_text(json.dumps(found.to_dict()))
    assert Gate.read(tmp_path / "gate.json") == found.gate


def test_split_and_limit_choose_the_questions(log: Path) -> None:
    assert calibrate(log, LookUp(), config=CalibrationConfig(limit=9)).questions == 9
    with pytest.raises(InputError, match="2 images"):
        calibrate(log, LookUp(), config=CalibrationConfig(split="train"))


def test_what_cannot_be_judged_is_listed(log: Path) -> None:
    log.write_text(log.read_text() + '\n{"image": "9.png", "question": "? "}\n[1\n')
    found = calibrate(log, LookUp(), config=CalibrationConfig())
    assert [(one.set, one.reason == "nobody knows") for one in found.rejected] == [("log", False), ("log", True)]
    assert found.questions == 30


def test_what_cannot_be_calibrated_is_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="k of at least 1"):
        calibrate(log, LookUp(SemClip(ColorRelevance(), choice=Choice(k=0))), config=CalibrationConfig())
    with pytest.raises(LogError):
        calibrate(tmp_path / "none.jsonl", LookUp(), config=CalibrationConfig())
    with pytest.raises(InputError, match="may_lose"):
        CalibrationConfig(may_lose=-0.1)
    with pytest.raises(InputError, match="limit"):
        CalibrationConfig(limit=0)
