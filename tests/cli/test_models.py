"""The names that a command line takes are those that the library knows."""

from __future__ import annotations

from typing import get_args

from semclip.adapters.families import PUBLISHED
from semclip.cli.models import FamilyName, FusionName
from semclip.types import Fusion


def test_the_families_are_those_whose_tokens_can_be_counted() -> None:
    assert get_args(FamilyName) == tuple(PUBLISHED)


def test_the_fusions_are_those_of_the_library() -> None:
    assert FusionName == Fusion
