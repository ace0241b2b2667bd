"""The values, in the order data flows: Regions -> Scored -> Prompt -> Answer.

Frozen and free of behaviour that needs pixels or models. `Selection`, which also exports, lives in selection.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from semclip.errors import InputError
from semclip.geometry import Box, Size

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]
"""(height, width, 3) sRGB, uint8."""


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Candidate boxes of one image with their features, reusable for any question.

    `features` is (rows, d): one row a box, or, where `grid` is set, one row a cell of a dense map of `grid.width`
    columns and `grid.height` rows (row-major) that spans the image and serves every box.
    """

    size: Size
    boxes: tuple[Box, ...]
    features: Floats
    encoder: str
    grid: Size | None = None

    def __post_init__(self) -> None:
        rows = len(self.boxes) if self.grid is None else self.grid.area
        if self.features.ndim != 2 or len(self.features) != rows:
            raise InputError(f"regions need features of {rows} rows and 2 axes, got shape {self.features.shape}")

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Scored:
    """One candidate box and its relevance; higher is better, -inf is never chosen."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Maker:
    """What made a result: enough to make it again. A ψ that draws lots has its seed in the fingerprint."""

    psi: str
    fingerprint: str
    proposer: str
    k: int
    max_overlap: float
    threshold: float | None = None
    max_visual_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a VLM is shown: text and pictures in the order in which it reads them."""

    parts: tuple[str | PILImage, ...]

    @property
    def pictures(self) -> tuple[PILImage, ...]:
        return tuple(part for part in self.parts if not isinstance(part, str))

    @property
    def text(self) -> str:
        return "\n".join(part for part in self.parts if isinstance(part, str))
