"""The table of names."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from semclip.errors import InputError
from semclip.relevance.baselines import Center, Random, Tiles
from semclip.relevance.table import TABLE, load_relevance


def test_a_name_makes_its_psi() -> None:
    assert [load_relevance(name) for name in ("center", "random", "tiles")] == [Center(), Random(), Tiles()]


@pytest.mark.parametrize("name", ["", "centre", "center:1", "hf", "hf:", ":x", "runs/checkpoint"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(
        InputError, match="center, embedded, hf:, open_clip:, oracle, phrases:, random, tiles, vlm:; got"
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
