"""The four seams. Anything with these methods takes part; nothing is registered and nothing inherits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from semclip.geometry import Box, Size
from semclip.types import Floats, Pixels, Prompt, Regions


class Picture(Protocol):
    """One image in its EXIF-corrected frame, decoded no further than was asked for."""

    @property
    def size(self) -> Size:
        """Of the original, upright."""
        ...

    @property
    def digest(self) -> str:
        """Hex hash of the content: equal for equal content, whatever the file's name."""
        ...

    def resized(self, size: Size, /) -> Pixels:
        """The whole image at `size`, (size.height, size.width, 3)."""
        ...

    def crop(self, box: Box, /) -> Pixels:
        """The original pixels of `box`."""
        ...

    def crops(self, boxes: Sequence[Box], size: Size, /) -> Pixels:
        """Each box resized to `size`, (n, size.height, size.width, 3)."""
        ...


class Proposer(Protocol):
    """Says where to look, from the image's size alone."""

    @property
    def name(self) -> str: ...

    def __call__(self, size: Size, /) -> tuple[Box, ...]: ...


class Relevance(Protocol):
    """Scores regions against a question. `embed` never sees the question; `score` never sees the image."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Hex hash of everything that decides the features: weights, preprocessing, version."""
        ...

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions: ...

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,), higher is better; -inf marks a box that must not be chosen."""
        ...


class Adapter(Protocol):
    """A frozen VLM: reads a prompt, answers, and counts visual tokens as its processor does."""

    def complete(self, prompt: Prompt, *, max_tokens: int) -> str: ...

    def visual_tokens(self, sizes: Sequence[Size], /) -> int: ...
