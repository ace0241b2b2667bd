"""What all readers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from semclip.errors import LogError
from semclip.evaluation.datasets.reading import image_folder, letter_place, name_of, numbered, texts


def test_pictures_are_where_they_are_said_to_be_or_beside_the_file(tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    assert image_folder(source, None, "photos", "images") == tmp_path
    (tmp_path / "images").mkdir()
    assert image_folder(source, None, "photos", "images") == tmp_path / "images"
    assert image_folder(source, Path("/data"), "images") == Path("/data")


@pytest.mark.parametrize("cell", ["B", "b", "(b)", " B. "])
def test_a_letter_may_be_written_in_many_ways(cell: str) -> None:
    assert letter_place({"answer": cell}, "answer", "ABC") == 1


def test_an_id_is_text_or_a_whole_number() -> None:
    assert (name_of({"id": 7}, "id"), name_of({"id": "a"}, "id")) == ("7", "a")
    with pytest.raises(LogError, match="'id' needs text, got true"):
        name_of({"id": True}, "id")


def test_a_list_of_blanks_is_no_answer() -> None:
    with pytest.raises(LogError, match="'answers' needs a list of texts"):
        texts({"answers": ["", " "]}, "answers")


def test_what_is_no_list_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="needs a JSON list of questions, got 7"):
        list(numbered(7, tmp_path, tmp_path))
