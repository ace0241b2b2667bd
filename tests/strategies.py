"""Hypothesis strategies for the values."""

from __future__ import annotations

from hypothesis import strategies as st

from semclip.geometry import Box, Size
from semclip.types import Scored

sides = st.integers(1, 5000)
sizes = st.builds(Size, sides, sides)


@st.composite
def boxes(draw: st.DrawFn, size: Size = Size(100, 100)) -> Box:
    """Any box inside `size`."""
    left = draw(st.integers(0, size.width - 1))
    top = draw(st.integers(0, size.height - 1))
    right, bottom = draw(st.integers(left + 1, size.width)), draw(st.integers(top + 1, size.height))
    return Box(left, top, right, bottom)


scores = st.floats(-1e6, 1e6) | st.just(-float("inf"))
scored = st.builds(Scored, boxes(), scores)
