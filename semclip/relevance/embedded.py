"""The ψ that ships with semclip: a small dense dual encoder that recipes/embedded makes; its card is in weights/."""

from __future__ import annotations

from pathlib import Path

from semclip.relevance import checkpoint
from semclip.relevance.checkpoint import DensePsi

WEIGHTS = Path(__file__).parent / "weights"


def load() -> DensePsi:
    """The shipped ψ. Raises: ModelError where its files are not as they were shipped."""
    psi = checkpoint.load(WEIGHTS, name="embedded")
    assert isinstance(psi, DensePsi)
    return psi
