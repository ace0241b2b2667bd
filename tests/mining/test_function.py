"""A Python callable as a reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.logs import Example
from semclip.mining.readers.function import FunctionReader, load
from semclip.mining.rewards import Query, Rewards
from tests.fakes import ArrayPicture, spotted
from tests.mining.making import failing, redness

RED = Box(0, 0, 5, 5)
PICTURE = ArrayPicture(spotted(Size(10, 10), {RED: (255, 0, 0)}))
BOXES = (RED, Box(0, 0, 10, 5), Box(5, 5, 10, 10))


def query(question: str = "red?", tries: tuple[int, ...] = (0, 1, 2)) -> Query:
    return Query(Example("a", Path("a.png"), question, ("yes",)), BOXES, tries)


def test_the_function_is_asked_of_what_is_tried_and_nothing_is_known_of_the_rest() -> None:
    [found] = FunctionReader("redness", redness)(PICTURE, [query(tries=(1, 0))])
    assert isinstance(found, Rewards)
    np.testing.assert_array_equal(found.values, [1, 0.5, np.nan])
    assert found.passes == 2


def test_it_sees_the_crop_the_question_and_the_answers() -> None:
    seen: list[tuple[tuple[int, int], str, tuple[str, ...]]] = []

    def watch(crop: object, question: str, answers: tuple[str, ...]) -> float:
        seen.append((crop.size, question, answers))  # type: ignore[attr-defined]
        return 0

    list(FunctionReader("watch", watch)(PICTURE, [query(tries=(1,))]))
    assert seen == [((10, 5), "red?", ("yes",))]


def test_a_row_on_which_it_fails_is_refused_alone() -> None:
    good, failed, too_much = FunctionReader("failing", failing)(PICTURE, [query(), query("blue?"), query("green?")])
    assert isinstance(good, Rewards)
    assert "failing failed (RuntimeError: no blue)" in str(failed)
    assert "from 0 to 1, gave 2.0" in str(too_much)


def test_a_function_is_found_by_its_name_and_another_version_is_another_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_reader.py").write_text("def always(crop, question, answers):\n    return 1\n")
    reader = load("my_reader:always")
    assert reader.name == "python:my_reader:always"
    [found] = reader(PICTURE, [query()])
    assert isinstance(found, Rewards)
    assert found.values.tolist() == [1, 1, 1]
    assert reader.fingerprint != FunctionReader(reader.name, reader.function, "other").fingerprint


@pytest.mark.parametrize("target", ["nothing_of_that_name:f", "json:nothing", "json", "tests.mining.making:SPOT"])
def test_a_name_of_no_function_is_refused(target: str) -> None:
    with pytest.raises(InputError, match="python:MODULE:FUNCTION"):
        load(target)
