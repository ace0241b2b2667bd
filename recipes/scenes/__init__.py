"""High-resolution scenes drawn by code, with questions whose evidence is known to the pixel.

They stand in for photos wherever real ones may not be copied: the demo, the README, the tests, and part of ψ's
training. A scene depends on its kind, seed, size and fonts alone; other sizes may place things otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from os import PathLike

from recipes.scenes.canvas import Canvas
from recipes.scenes.document import draw_document
from recipes.scenes.scene import Scene, SceneQuestion
from recipes.scenes.shelf import draw_shelf
from recipes.scenes.street import draw_street
from semclip import InputError, Size

__all__ = ["KINDS", "Scene", "SceneQuestion", "render_scene"]

_KINDS = {
    "street": (draw_street, Size(2400, 1600)),
    "document": (draw_document, Size(1800, 2400)),
    "shelf": (draw_shelf, Size(2400, 1800)),
}
KINDS = tuple(_KINDS)
_LEAST_PX = 320


def render_scene(kind: str, *, seed: int, size: Size | None = None, fonts: Sequence[str | PathLike[str]] = ()) -> Scene:
    """The scene of `kind` ("street", "document" or "shelf") and `seed`, at its usual size unless told.

    `fonts` are TrueType files used beside Pillow's own; other fonts give other pixels and boxes for the same seed.

    Raises:
        InputError: no such kind, or a size that is too small, narrower than 1:2 or wider than 3:1.
    """
    if kind not in _KINDS:
        raise InputError(f"a scene needs a kind of {', '.join(KINDS)}, got {kind!r}")
    draw, usual_size = _KINDS[kind]
    size = size or usual_size
    if min(size.width, size.height) < _LEAST_PX or not 1 / 2 <= size.width / size.height <= 3:
        raise InputError(f"a scene needs sides of {_LEAST_PX} px or more, from 1:2 to 3:1, got {size}")
    rng = random.Random(f"{kind} {seed}")
    canvas = Canvas(size, rng, tuple(fonts))
    questions = draw(canvas, rng)
    return Scene(canvas.photo(), questions)
