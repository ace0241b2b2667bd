"""The tiny bases, saved once a session, and pictures of colored fields with questions about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as pillow

from semclip import images
from semclip.geometry import Box, Size
from semclip.training.learner import Asked, Sample

FIELDS = (Box(0, 0, 40, 40), Box(40, 0, 80, 40), Box(80, 0, 120, 40))
COLORS = {"red": (220, 30, 30), "blue": (30, 30, 220), "car": (30, 220, 30)}


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The names under which tiny bases are opened, by kind."""
    from tests.relevance import tiny

    root = tmp_path_factory.mktemp("bases")
    for save in (tiny.save_clip, tiny.save_siglip, tiny.save_siglip2, tiny.save_open_clip):
        save(root / save.__name__.removeprefix("save_"))
    tiny.save_open_clip(root / "open_clip_bias", custom_text=True, init_logit_bias=-10.0)
    kinds = {kind: f"hf:{root / kind}" for kind in ("clip", "siglip", "siglip2")}
    return kinds | {kind: f"open_clip:local-dir:{root / kind}" for kind in ("open_clip", "open_clip_bias")}


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Two pictures of three fields each, and for each field the question that it answers."""
    root = tmp_path_factory.mktemp("pictures")
    return [
        sample(root / f"{order}.png", words)
        for order, words in enumerate((("red", "blue", "car"), ("car", "red", "blue")))
    ]


def sample(path: Path, words: tuple[str, ...]) -> Sample:
    pixels = np.random.default_rng(len(words[0])).integers(0, 30, (40, 120, 3), np.uint8)
    for box, word in zip(FIELDS, words, strict=True):
        pixels[box.top : box.bottom, box.left : box.right] += np.array(COLORS[word], np.uint8)
    pillow.fromarray(pixels).save(path)
    asked = tuple(Asked(word, np.eye(3, dtype=np.float32)[place]) for place, word in enumerate(words))
    return Sample(path, images.load(path).digest, Size(120, 40), FIELDS, asked)
