"""Opening benchmarks: formats are told by what is there, and nothing raises but our errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semclip.errors import InputError, LogError, SemclipError
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.datasets.opening import FORMATS, open_dataset
from semclip.logs import BadLine
from tests.evaluation.datasets.samples import (
    GQA,
    MME_REALWORLD,
    OWN,
    POPE,
    TEXTVQA,
    items,
    write_json,
    write_lines,
    write_mmvp,
    write_table,
    write_vstar,
)

SLOW_IS_FINE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = sorted({*TEXTVQA["data"][0], *GQA["201307251"], *POPE, *MME_REALWORLD[0], *OWN})
rows = st.dictionaries(st.sampled_from(fields), json_values, max_size=6)


def test_what_cannot_be_told_names_the_formats(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("?")
    for path in (tmp_path, tmp_path / "a.txt"):
        with pytest.raises(InputError, match=r"cannot tell the format of .*vstar, mmvp, hr-bench"):
            open_dataset(path)
    with pytest.raises(InputError, match=r"a format needs to be auto, vstar, .*, got 'coco'"):
        open_dataset(tmp_path, format="coco")


@pytest.mark.parametrize("format", ["auto", *FORMATS])
def test_what_is_not_there_is_our_error(format: str, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="readable file"):
        open_dataset(tmp_path / "none.json", format=format)


def test_a_digest_is_that_of_the_questions(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", TEXTVQA)
    before = open_dataset(path).digest
    assert open_dataset(path).digest == before == open_dataset(path, images=Path("/data")).digest
    write_json(path, {**TEXTVQA, "dataset_version": "0.5.2"})
    assert open_dataset(path).digest != before


def test_a_digest_of_a_folder_goes_by_names_too(tmp_path: Path) -> None:
    before = open_dataset(write_vstar(tmp_path)).digest
    (tmp_path / "direct_attributes" / "sa_1.json").rename(tmp_path / "direct_attributes" / "sa_9.json")
    assert open_dataset(tmp_path).digest != before


def test_reading_starts_over_each_time(tmp_path: Path) -> None:
    for path in (write_vstar(tmp_path / "v"), write_mmvp(tmp_path / "m"), write_lines(tmp_path / "pope.json", POPE)):
        dataset = open_dataset(path)
        assert items(dataset) == items(dataset) != []


@SLOW_IS_FINE
@given(content=st.lists(rows, max_size=3), format=st.sampled_from(["textvqa", "docvqa", "mme-realworld", "gqa"]))
def test_any_json_gives_questions_or_bad_lines(content: list[Any], format: str, tmp_path: Path) -> None:
    held: Any = content if format == "mme-realworld" else {"data": content}
    held = {str(place): row for place, row in enumerate(content)} if format == "gqa" else held
    read = list(open_dataset(write_json(tmp_path / "a.json", held), format=format).read())
    assert len(read) == len(content)
    assert all(isinstance(one, Item | BadLine) for one in read)


@SLOW_IS_FINE
@given(content=st.lists(rows, max_size=3), format=st.sampled_from(["pope", "jsonl", "vstar"]))
def test_any_line_gives_a_question_or_a_bad_line(content: list[Any], format: str, tmp_path: Path) -> None:
    if format == "vstar":
        write_vstar(tmp_path)
        write_json(tmp_path / "direct_attributes" / "sa_1.json", content[:1] and content[0])
        assert len(list(open_dataset(tmp_path).read())) == 2
    else:
        path = write_lines(tmp_path / "a.jsonl", *content)
        assert len(list(open_dataset(path, format=format).read())) == len(content)


@SLOW_IS_FINE
@given(content=st.binary(max_size=60), format=st.sampled_from(list(FORMATS)))
def test_any_bytes_raise_only_our_errors(content: bytes, format: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    try:
        assert all(isinstance(one, Item | BadLine) for one in open_dataset(tmp_path / "a.json", format=format).read())
    except SemclipError:
        pass


@SLOW_IS_FINE
@given(cells=st.lists(st.lists(st.text(max_size=6) | st.just("A"), min_size=6, max_size=6), max_size=3))
def test_any_table_gives_questions_or_bad_lines(cells: list[list[str]], tmp_path: Path) -> None:
    names = ["index", "image", "question", "A", "answer", "cycle_category"]
    path = tmp_path / "a.tsv"
    write_table(path, names, *cells)
    for format in ("vlmevalkit", "hr-bench"):
        assert all(isinstance(one, Item | BadLine) for one in open_dataset(path, format=format).read())


def test_formats_of_the_table_are_told_from_one_another(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", OWN)
    assert open_dataset(log).format == "jsonl"
    assert open_dataset(write_json(tmp_path / "g.json", GQA)).format == "gqa"
    assert open_dataset(write_json(tmp_path / "m.json", MME_REALWORLD)).format == "mme-realworld"
