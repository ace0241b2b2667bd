"""The guide's table of families says what the table in the code and the published counters give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semclip.adapters.families import FAMILIES, PUBLISHED, Family
from semclip.adapters.fusion import Showing, plan
from semclip.adapters.tokens import fixed_tokens
from semclip.geometry import Box, Size

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "adapters.md"
PHOTO = Size(4000, 3000)
CROPS = (Box(0, 0, 800, 600), Box(2000, 1000, 2800, 1600))

UNTILED = {name: fixed_tokens(tokens) for name, tokens in (("smolvlm", 81), ("idefics3", 169), ("internvl", 256))}
"""What a picture costs where tiling can be switched off, and with close-ups is."""


def rows() -> dict[str, list[str]]:
    row = re.compile(r"^\| (\w.*?) \| (\w+) \| ([\d,]+) \| ([\d,]+) \|", re.MULTILINE)
    table = row.findall(GUIDE.read_text(encoding="utf-8"))
    return {family: figures for families, *figures in table for family in families.split(", ")}


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES.values() if "experts" not in family.title], ids=lambda family: family.title
)
def test_the_table_of_the_guide_is_true(family: Family) -> None:
    name = family.title.lower().replace(" ", "")
    alone, together = PUBLISHED[name], UNTILED.get(name, PUBLISHED[name])
    terms = plan(PHOTO, CROPS, style=family.style, showing=Showing(), count=together)
    assert rows()[family.title] == [family.style.fusion, f"{alone([PHOTO]):,}", f"{terms.visual_tokens:,}"]
