"""Benchmarks of one JSON file: TextVQA, DocVQA, InfographicVQA, GQA, MME-RealWorld."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semclip.errors import LogError
from semclip.evaluation.datasets.opening import open_dataset
from tests.evaluation.datasets.samples import DOCVQA, GQA, INFOVQA, MME_REALWORLD, TEXTVQA, items, reasons, write_json


def test_textvqa_has_what_ten_people_said(tmp_path: Path) -> None:
    (tmp_path / "train_images").mkdir()
    dataset = open_dataset(write_json(tmp_path / "TextVQA_0.5.1_val.json", TEXTVQA))
    assert (dataset.name, dataset.format, dataset.matcher) == ("TextVQA_0.5.1_val", "textvqa", "vqa")
    [one] = items(dataset)
    assert one.image == tmp_path / "train_images" / "003a8ae2ef43b901.jpg"
    assert (one.id, len(one.answers), one.answers[-1]) == ("34602", 10, "bob")


def test_docvqa_names_its_pictures(tmp_path: Path) -> None:
    dataset = open_dataset(write_json(tmp_path / "spdocvqa_qas" / "val_v1.0_withQT.json", DOCVQA))
    assert (dataset.format, dataset.matcher) == ("docvqa", "anls")
    assert items(dataset)[0].image == tmp_path / "spdocvqa_qas" / "documents" / "pybv0228_81.png"
    (tmp_path / "spdocvqa_images").mkdir()
    [one] = items(dataset)
    assert one.image.resolve() == tmp_path.resolve() / "spdocvqa_images" / "pybv0228_81.png"  # type: ignore[union-attr]
    assert one.answers == ("1/8/93", "1/8/1993")


def test_infographics_have_their_name_in_another_field(tmp_path: Path) -> None:
    path = write_json(tmp_path / "infographicsVQA_val_v1.0_withQT.json", INFOVQA)
    [one] = items(open_dataset(path, images=Path("/data")))
    assert (one.image, one.answers) == (Path("/data/38579.jpeg"), ("four", "4"))


def test_gqa_goes_by_the_keys_of_its_questions(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    dataset = open_dataset(write_json(tmp_path / "testdev_balanced_questions.json", GQA))
    assert (dataset.format, dataset.matcher) == ("gqa", "exact")
    [one] = items(dataset)
    assert (one.id, one.answers, one.category) == ("201307251", ("no",), "verify")
    assert one.image == tmp_path / "images" / "n161313.jpg"


def test_mme_realworld_loses_the_letters_of_its_options(tmp_path: Path) -> None:
    dataset = open_dataset(write_json(tmp_path / "MME_RealWorld.json", MME_REALWORLD))
    assert (dataset.format, dataset.matcher) == ("mme-realworld", "choice")
    [one] = items(dataset)
    assert one.options == ("13", "90", "77", "6", "The image does not feature the buses")
    assert (one.right, one.answers) == (4, one.options[4:])
    assert (one.category, one.image) == ("Perception/Monitoring", tmp_path / "monitoring_images" / "9999998.jpg")


@pytest.mark.parametrize(
    ("format", "content", "reason"),
    [
        ("textvqa", {"data": [{**TEXTVQA["data"][0], "answers": None}]}, "'answers' needs a list of texts, got null"),  # type: ignore[dict-item]
        ("textvqa", {"data": [{**TEXTVQA["data"][0], "image_id": None}]}, "'image_id' needs text, got null"),  # type: ignore[dict-item]
        ("docvqa", {"data": [7]}, "a row needs a JSON object, got 7"),
        ("docvqa", {"data": [{}]}, "'image' is missing"),
        ("gqa", {"1": []}, "no question, got []"),
        ("gqa", {"1": {**GQA["201307251"], "answer": 1}}, "'answer' needs text, got 1"),
        (
            "mme-realworld",
            [{**MME_REALWORLD[0], "Ground truth": "F"}],
            "'Ground truth' needs one of A, B, C, D, E, got ",
        ),
        ("mme-realworld", [{**MME_REALWORLD[0], "Answer choices": ["(A) 1", 2]}], "'Answer choices' needs a list of "),
    ],
)
def test_a_row_that_is_no_question_is_a_bad_line(format: str, content: Any, reason: str, tmp_path: Path) -> None:
    [said] = reasons(open_dataset(write_json(tmp_path / "questions.json", content), format=format))
    assert said.startswith(reason)


@pytest.mark.parametrize("format", ["textvqa", "docvqa", "gqa", "mme-realworld"])
@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"7", b"\xff"])
def test_a_file_that_is_no_benchmark_is_our_error(format: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(LogError, match="needs"):
        list(open_dataset(tmp_path / "a.json", format=format).read())


def test_data_that_is_no_list_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="a JSON list of questions"):
        list(open_dataset(write_json(tmp_path / "a.json", {"data": {}}), format="docvqa").read())
