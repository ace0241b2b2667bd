"""Curves are written for TensorBoard, and words for people."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from semclip.training.board import Board


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, round(event.value, 4)) for event in events.Scalars(name)]


def test_steps_and_measurements_become_curves_and_lines(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    lines: list[str] = []
    with Board(tmp_path, lambda done, of: steps.append((done, of)), lines.append) as board:
        board.went_on(5, 9)
        for done in (1, 2):
            board.step(done, 2, {"all": 3.0 / done, "inside": 1.0, "rate": 0.1 * done})
        board.measured(2, 0.5)
    assert steps == [(5, 9), (1, 2), (2, 2)]
    assert lines == ["step 2 of 2, loss 1.500, dev hit@2 0.500"]
    assert curve(tmp_path, "loss/all") == [(1, 3.0), (2, 1.5)]
    assert curve(tmp_path, "loss/inside") == [(1, 1.0), (2, 1.0)]
    assert curve(tmp_path, "rate") == [(1, 0.1), (2, 0.2)]
    assert curve(tmp_path, "dev/hit@2") == [(2, 0.5)]


def test_a_run_that_goes_on_replaces_the_steps_that_it_does_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for first, value in ((1, 5.0), (3, 7.0)):
        # TensorBoard reads event files in the order of the second in which they were begun.
        monkeypatch.setattr(time, "time", lambda begun=now + first: begun)
        with Board(tmp_path, lambda done, of: None, lambda line: None) as board:
            for done in range(first, first + 4):
                board.step(done, 9, {"all": value})
    assert curve(tmp_path, "loss/all") == [(1, 5.0), (2, 5.0), (3, 7.0), (4, 7.0), (5, 7.0), (6, 7.0)]


def test_nothing_is_made_before_there_is_something_to_say(tmp_path: Path) -> None:
    with Board(tmp_path / "none", lambda done, of: None, lambda line: None):
        pass
    assert not (tmp_path / "none").exists()
