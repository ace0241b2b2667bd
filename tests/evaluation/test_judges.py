"""Who says what is right: the evidence in the log, or the answers of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semclip.errors import ImageError, InputError
from semclip.evaluation.judges import AnswerJudge, EvidenceJudge, Trial, legible
from semclip.geometry import Box, Size
from semclip.logs import Example
from semclip.pipeline import SemClip
from semclip.selection import Choice, Gate, peak
from semclip.types import Completion, Decoding, Mixture
from semclip.vlm import VLM
from tests.fakes import ColorRelevance, ScriptedVLM, spotted

SIZE = Size(2048, 1024)
RED, BLUE = Box(0, 0, 40, 40), Box(1000, 500, 1200, 700)
NEVER = Gate(1, ColorRelevance().fingerprint, "pyramid")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "1.png"
    Image.fromarray(spotted(SIZE, {RED: (255, 0, 0), BLUE: (0, 0, 255)})).save(path)
    return path


def asked(photo: Path, question: str, **more: object) -> Example:
    return replace(Example(1, photo, question), **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Counting(ScriptedVLM):
    """Answers with the number of pictures it was shown."""

    def complete(self, mixtures: Sequence[Mixture], decoding: Decoding, /) -> tuple[Completion, ...]:
        return tuple(Completion(str(len(mixture.prompts[0].pictures))) for mixture in mixtures)


def tried(judge: EvidenceJudge | AnswerJudge, *rows: Example) -> list[Trial]:
    trials = judge(rows)
    assert all(isinstance(trial, Trial) for trial in trials)
    return [trial for trial in trials if isinstance(trial, Trial)]


def test_evidence_that_the_overview_shows_well_needs_no_crop(photo: Path) -> None:
    judge = EvidenceJudge(SemClip(ColorRelevance(), choice=Choice(k=1)))
    small, large = tried(judge, asked(photo, "red", evidence=(RED,)), asked(photo, "blue", evidence=(BLUE,)))
    assert (small.alone, small.aided) == (False, True)
    assert (large.alone, large.aided) == (True, True)
    assert (small.tokens_alone, small.tokens_aided) == (576, 1152)


def test_a_crop_that_misses_does_not_help(photo: Path) -> None:
    (trial,) = tried(EvidenceJudge(SemClip(ColorRelevance())), asked(photo, "blue", evidence=(RED,)))
    assert (trial.alone, trial.aided) == (False, False)


def test_the_peak_is_that_of_an_ungated_selection(photo: Path) -> None:
    clip = SemClip(ColorRelevance())
    gated = replace(clip, choice=Choice(gate=NEVER))
    row = asked(photo, "red", evidence=(RED,), answers=("3",))
    expected = peak(clip.select(photo, "red").considered)
    for judge in (EvidenceJudge(gated), AnswerJudge(VLM(Counting(), gated))):
        (trial,) = tried(judge, row)
        assert (trial.peak, trial.aided) == (expected, True)


def test_a_model_is_asked_with_the_overview_alone_and_with_crops(photo: Path) -> None:
    judge = AnswerJudge(VLM(Counting(), SemClip(ColorRelevance())))
    alone, aided, neither = tried(judge, *(asked(photo, "red", answers=(answer,)) for answer in "134"))
    assert [(one.alone, one.aided) for one in (alone, aided, neither)] == [(True, False), (False, True), (False, False)]
    assert (alone.tokens_alone, alone.tokens_aided) == (100, 300)


def test_what_cannot_be_judged_is_said_and_stops_no_other(photo: Path) -> None:
    by_answers, by_evidence = AnswerJudge(VLM(Counting(), SemClip(ColorRelevance()))), EvidenceJudge(SemClip())
    missing, fine = by_answers([asked(photo, "red"), asked(photo, "red", answers=("1",))])
    assert isinstance(missing, InputError)
    assert isinstance(fine, Trial)
    (outside,) = by_evidence([asked(photo, "red", evidence=(Box(0, 0, 9999, 9),))])
    assert isinstance(outside, InputError)
    for judge in (by_answers, by_evidence):
        (broken,) = judge([asked(photo.parent / "none.png", "red", answers=("1",))])
        assert isinstance(broken, ImageError)


@given(st.integers(1, 200), st.integers(1, 200), st.lists(st.floats(1, 100), min_size=2, max_size=2).map(sorted))
def test_what_is_legible_stays_so_where_less_is_asked(width: int, height: int, asked_px: list[float]) -> None:
    less, more = (legible([Box(0, 0, width, height)], SIZE, legible_px=px) for px in asked_px)
    assert less or not more
