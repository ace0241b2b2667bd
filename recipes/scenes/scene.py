"""The values: a picture with its questions."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from semclip import Box, Size


@dataclass(frozen=True, slots=True)
class SceneQuestion:
    """A question, its answer, and the boxes that each hold the answer in full."""

    question: str
    answer: str
    evidence: tuple[Box, ...]


def whereabouts(box: Box, size: Size) -> str:
    """Where in an image of `size` the middle of a box lies, in words.

    >>> whereabouts(Box(0, 0, 10, 10), Size(90, 90)), whereabouts(Box(40, 80, 50, 90), Size(90, 90))
    ('top left', 'bottom middle')
    """
    across, down = box.center
    column = ("left", "middle", "right")[int(3 * across / size.width)]
    row = ("top", "centre", "bottom")[int(3 * down / size.height)]
    return f"{row} {column}"


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A drawn picture and what can be asked about it."""

    image: Image.Image
    questions: tuple[SceneQuestion, ...]
