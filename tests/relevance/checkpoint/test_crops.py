"""A ψ that encodes crop by crop, and how questions become ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint import Config, CropsPsi, TextSettings, load
from semclip.relevance.checkpoint.crops import BATCH
from semclip.types import Regions
from tests.fakes import ArrayPicture, spotted
from tests.relevance.checkpoint.folders import CROPS, TEXTS, save_tiny

RED, BLUE = Box(0, 0, 20, 20), Box(20, 0, 40, 20)
PICTURE = ArrayPicture(spotted(Size(40, 20), {RED: (250, 0, 0), BLUE: (0, 0, 250)}))


@pytest.fixture
def psi(tmp_path: Path) -> CropsPsi:
    found = load(save_tiny(tmp_path / "tiny"))
    assert isinstance(found, CropsPsi)
    return found


def ids(folder: Path, text: TextSettings, question: str) -> list[int]:
    return load(save_tiny(folder / "tiny", Config(CROPS, text))).runtime.ids(question)


def test_scores_are_scaled_cosines_and_a_bias(psi: CropsPsi) -> None:
    regions = psi.embed(PICTURE, [RED, BLUE, Box(0, 0, 40, 20)])
    assert regions.grid is None
    assert regions.features == pytest.approx(np.array([[1, 0, 0], [0, 0, 1], [0.5**0.5, 0, 0.5**0.5]]), abs=1e-6)
    assert psi.score("Red!", regions) == pytest.approx([9, -1, 10 * 0.5**0.5 - 1], abs=1e-5)


def test_more_boxes_than_a_batch_keep_their_order(psi: CropsPsi) -> None:
    boxes = [RED, BLUE] * BATCH
    regions = psi.embed(PICTURE, boxes)
    assert regions.boxes == tuple(boxes)
    assert psi.score("blue", regions) == pytest.approx(np.array([-1, 9] * BATCH), abs=1e-5)


def test_no_boxes_foreign_regions_and_a_grid_are_refused(psi: CropsPsi) -> None:
    with pytest.raises(InputError, match="at least one box"):
        psi.embed(PICTURE, [])
    regions = psi.embed(PICTURE, [RED])
    with pytest.raises(InputError, match="'another'"):
        psi.score("red", Regions(regions.size, regions.boxes, regions.features, "another"))
    with pytest.raises(InputError, match="dense grid"):
        psi.score("red", Regions(regions.size, regions.boxes, regions.features, psi.fingerprint, Size(1, 1)))


def test_marks_are_kept_when_a_question_is_cut(tmp_path: Path) -> None:
    assert ids(tmp_path, TEXTS, "red " * 9) == [2, 2, 2, 2, 1]


def test_without_marks_there_are_words_only(tmp_path: Path) -> None:
    assert ids(tmp_path, replace(TEXTS, marks=False), "red green") == [2, 3]


def test_a_question_is_padded_on_the_right(tmp_path: Path) -> None:
    assert ids(tmp_path, replace(TEXTS, pad_to=7, pad_id=4), "red") == [2, 1, 4, 4, 4, 4, 4]


def test_upper_case_stays_where_the_psi_wants_it(tmp_path: Path) -> None:
    assert ids(tmp_path, replace(TEXTS, lower=False, marks=False), "Red red") == [0, 2]


@pytest.mark.parametrize("pad_to", [None, 6])
def test_a_question_without_a_word_or_mark_is_refused(pad_to: int | None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one word"):
        ids(tmp_path, replace(TEXTS, marks=False, pad_to=pad_to), " \n")


def test_a_question_that_is_no_text_is_read(psi: CropsPsi) -> None:
    assert psi.runtime.ids("red \udcff")[0] == 2
