"""The table of names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from semclip.errors import InputError, ModelError
from semclip.relevance.baselines import Center, Random, Tiles
from semclip.relevance.table import TABLE, load_relevance
from tests.relevance.checkpoint.folders import save_tiny


def test_a_name_makes_its_psi() -> None:
    assert [load_relevance(name) for name in ("center", "random", "tiles")] == [Center(), Random(), Tiles()]


@pytest.mark.parametrize("name", ["", "centre", "center:1", "hf", "hf:", ":x", "runs/checkpoint"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(
        InputError, match="center, embedded, hf:, hub:, open_clip:, oracle, phrases:, random, tiles, vlm:, or a folder"
    ):
        load_relevance(name)


def test_the_oracle_points_to_eval() -> None:
    with pytest.raises(InputError, match="semclip eval"):
        load_relevance("oracle")


@pytest.mark.parametrize("name", TABLE)
def test_every_entry_leads_to_a_module(name: str) -> None:
    assert find_spec(TABLE[name].target.partition(":")[0]) is not None


def test_the_names_are_sorted() -> None:
    assert list(TABLE) == sorted(TABLE)


def test_a_folder_that_holds_a_psi_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    names = ["mine", "./mine", str(tmp_path / "mine")]
    assert [load_relevance(name).name for name in names] == names
    assert load_relevance("phrases:mine").name == "phrases:mine"


def test_a_known_name_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny(tmp_path / "center")
    monkeypatch.chdir(tmp_path)
    assert load_relevance("center") == Center()
    assert load_relevance("./center").name == "./center"


def test_a_folder_that_holds_none_is_an_error_that_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        load_relevance(str(tmp_path))
