"""The guide's figures are those of the code, and of processors configured as the published checkpoints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semclip.adapters.budget import LEAST_CROP_PX, LEAST_OVERVIEW_PX
from semclip.adapters.families import FAMILIES, PUBLISHED, counter
from semclip.adapters.fusion import Showing, plan
from semclip.adapters.server import ServerOptions
from semclip.geometry import Box, Size
from semclip.types import Style
from tests.adapters.checkpoints import CHECKPOINTS, Load

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "adapters.md").read_text(encoding="utf-8")
PHOTO = Size(4000, 3000)
CROPS = (Box(0, 0, 800, 600), Box(2000, 1000, 2800, 1600))


def rows() -> dict[str, list[str]]:
    row = re.compile(r"^\| (\w.*?) \| (\w+) \| ([\d,]+) \| ([\d,]+) \|", re.MULTILINE)
    return {family: figures for families, *figures in row.findall(GUIDE) for family in families.split(", ")}


# The larger SmolVLM stands for both.
@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "smolvlm-500m"])
def test_the_table_of_the_guide_is_true(name: str, load: Load) -> None:
    family, processor = PUBLISHED[name].family, CHECKPOINTS[name].configured(load)
    alone, together = (counter(processor, family, tiling=tiling) for tiling in (True, False))
    terms = plan(PHOTO, CROPS, style=family.style, showing=Showing(), count=together)
    assert rows()[family.title] == [family.style.fusion, f"{alone([PHOTO]):,}", f"{terms.visual_tokens:,}"]


@pytest.mark.parametrize(
    "stated",
    [
        f"Sees {FAMILIES['llava'].style.canvases[0].width} px",
        f"a `montage` costs {PUBLISHED['llava-1.5'].count(FAMILIES['llava'].style.canvases):,}",
        f"a square close-up alone costs {PUBLISHED['llava-next'].count([Size(200, 200)]):,}.",
        f"small crops are enlarged to {FAMILIES['qwen2_vl'].style.crop_px[0]} px",
        f"shrunk to {Style().overview_px:,} px, never enlarged",
        f"Crops keep their size up to the area of a square of {Style().crop_px[1]:,} px",
        f"no less than {LEAST_OVERVIEW_PX} px and a crop to no less than {LEAST_CROP_PX} px",
        f"says when to come back (within {ServerOptions().longest_wait_s:g} seconds)",
    ],
)
def test_other_figures_of_the_guide_are_true(stated: str) -> None:
    assert stated in " ".join(GUIDE.split())
