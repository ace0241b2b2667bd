"""Hypothesis strategies for token counters, one of each kind of family, and for budgets."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from semclip.adapters.tokens import anyres_tokens, fixed_tokens, patch_tokens, tile_tokens
from semclip.geometry import Size
from semclip.selection import CountTokens


def company_tokens(pictures: Sequence[Size]) -> int:
    """Counts as LLaVA-OneVision does: a picture is tiled only where it is alone."""
    return 729 * len(pictures) if len(pictures) > 1 else anyres_tokens()(pictures)


COUNTERS: dict[str, CountTokens] = {
    "fixed": fixed_tokens(576),
    "patches": patch_tokens(28),
    "tiles": tile_tokens(448, per_tile=256, max_tiles=12),
    "anyres": anyres_tokens(),
    "company": company_tokens,
}
counters = st.sampled_from(sorted(COUNTERS)).map(COUNTERS.__getitem__)
budgets = st.integers(1, 6000)
