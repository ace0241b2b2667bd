"""The table of readers."""

from __future__ import annotations

import pytest

from semclip.errors import InputError
from semclip.mining.readers import TABLE, find_entry, load_reader
from semclip.mining.readers.boxes import BoxesReader


def test_a_reader_is_made_by_its_name() -> None:
    assert load_reader("boxes") == BoxesReader()
    assert load_reader("python:tests.mining.making:redness").name == "python:tests.mining.making:redness"


@pytest.mark.parametrize("name", ["", "box", "boxes:1", "vlm:", "vlm", "python:"])
def test_a_name_that_is_not_in_the_table_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(InputError, match="boxes, ocr, python:, server:, vlm:"):
        find_entry(name)


def test_an_option_that_a_reader_has_not_is_refused() -> None:
    with pytest.raises(InputError, match="reader boxes takes no --reader-px, --reward"):
        load_reader("boxes", reward="both", reader_px=3)


def test_only_the_reader_of_boxes_needs_no_pass_and_only_it_needs_evidence() -> None:
    assert [name for name, entry in TABLE.items() if not entry.looks] == ["boxes"]
    assert [name for name, entry in TABLE.items() if entry.needs == "evidence"] == ["boxes"]
