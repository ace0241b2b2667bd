"""The tiny models, saved once a session."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of model folders: clip, siglip, siglip2, and open_clip's clip and one with a bias."""
    # Imported here: the tests of light modules in this folder shall stay light.
    from tests.relevance import tiny

    root = tmp_path_factory.mktemp("models")
    tiny.save_clip(root / "clip")
    tiny.save_siglip(root / "siglip")
    tiny.save_siglip2(root / "siglip2")
    tiny.save_open_clip(root / "open_clip")
    tiny.save_open_clip(root / "open_clip_bias", custom_text=True, init_logit_bias=-10.0)
    return root
