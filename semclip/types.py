"""The values, in the order data flows: Picture -> Regions -> Scored -> Prompt -> Mixture -> Completion -> Usage.

Frozen and free of behaviour that needs pixels or models. `Selection`, which also exports, lives in selection.py, and
`Answer`, which holds one, in vlm/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from semclip.errors import InputError
from semclip.geometry import Box, Size

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]
"""(height, width, 3) sRGB, uint8."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Candidate boxes of one image with their features, reusable for any question.

    `features` is (rows, d): one row a box, or, where `grid` is set, one row a cell of a dense map of `grid.width`
    columns and `grid.height` rows (row-major) that spans the image and serves every box. `picture` is there for a ψ
    that must look again with the question in hand; the pipeline sets it, no cache keeps it. `vlm_passes`: forward
    passes of a VLM, one a prompt, that one question on a new image costs at most; 0 for a ψ that needs none.
    """

    size: Size
    boxes: tuple[Box, ...]
    features: Floats
    encoder: str
    grid: Size | None = None
    picture: Picture | None = field(default=None, repr=False)
    vlm_passes: int = 0

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


class Weighed(NamedTuple):
    """What ψ says of n boxes: `scores` (n,), and `worth` (m, n) of each for each of m pieces of the evidence.

    Boxes that are chosen together are worth, of every piece, what the best of them is. `worth` is at least 0, and a box
    scores higher the more it sums to; None where ψ sees no pieces.
    """

    scores: Floats
    worth: Floats | None = None


@dataclass(frozen=True, slots=True)
class Maker:
    """What made a result: enough to make it again. A ψ that draws lots has its seed in the fingerprint."""

    psi: str
    fingerprint: str
    proposer: str
    k: int
    max_overlap: float | None
    threshold: float | None = None
    max_visual_tokens: int | None = None
    vlm_passes: int = 0
    min_gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a VLM is shown: text and pictures in the order in which it reads them.

    `tiling` says whether the model may cut pictures into tiles as it does with a picture that it is given alone;
    close-ups make that unnecessary.
    """

    parts: tuple[str | PILImage, ...]
    tiling: bool = True

    @property
    def pictures(self) -> tuple[PILImage, ...]:
        return tuple(part for part in self.parts if not isinstance(part, str))

    @property
    def text(self) -> str:
        return "\n".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Mixture:
    """One question as a model is asked it: one prompt, or several whose next-token distributions are mixed.

    `weights` are positive, one for each prompt, and sum to 1.
    """

    prompts: tuple[Prompt, ...]
    weights: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.prompts or len(self.prompts) != len(self.weights):
            given = f"{len(self.prompts)} prompts and {len(self.weights)} weights"
            raise InputError(f"a mixture needs a weight for each prompt, got {given}")
        if not all(weight > 0 for weight in self.weights) or abs(sum(self.weights) - 1) > 1e-6:
            raise InputError(f"weights need to be positive and to sum to 1, got {self.weights}")


@dataclass(frozen=True, slots=True)
class Decoding:
    """How text is generated. `temperature` 0 is greedy; `seed` makes sampling repeatable."""

    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.max_tokens, int) or self.max_tokens < 1:
            raise InputError(f"max_tokens needs to be a whole number of at least 1, got {self.max_tokens!r}")
        if not (0 <= self.temperature < float("inf") and 0 < self.top_p <= 1):
            given = f"{self.temperature} and {self.top_p}"
            raise InputError(f"temperature needs to be at least 0 and top_p in (0, 1], got {given}")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote, and what it read for it; None where a server does not say.

    `visual_tokens` are the placeholders in the prompt that stand for pictures: counted in what a model in memory read,
    and for a server by its family's published processor from the sizes that were sent.
    """

    text: str
    visual_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


Fusion = Literal["append", "montage", "ensemble", "pairs"]
"""How crops reach a model: as further pictures, tiled into one picture, or each in a prompt of its own, alone or beside
the overview."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a family of models is best shown pictures.

    `overview_px`: the overview's long side at most. `crop_px`: the long side to which smaller crops are enlarged, and
    the side of the square to whose area larger ones are shrunk. `square`: pictures are padded to squares, for
    processors that cut off what lies outside the middle one. `fixed`: every picture costs the same, whatever its size.
    `canvases`: what a montage may measure, largest first.
    """

    fusion: Fusion = "append"
    fixed: bool = False
    overview_px: int = 1024
    crop_px: tuple[int, int] = (0, 1024)
    square: bool = False
    canvases: tuple[Size, ...] = (Size(1344, 1344), Size(1008, 1008), Size(672, 672), Size(336, 336))


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer cost, in tokens and forward passes of the VLM; None where it cannot be known.

    `visual_tokens`: all pictures as sent. `overview_tokens`: what the overview costs when shown alone.
    `anyres_tokens`: what the whole picture costs with the model's own tiling or at its own native
    resolution (four tiles and the overview where the family has neither). `vlm_passes`: what ψ spends beside the
    answer on a new image, at most.
    """

    visual_tokens: int | None
    overview_tokens: int | None
    anyres_tokens: int | None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    vlm_passes: int = 0

    @property
    def crop_tokens(self) -> int | None:
        """What the crops added to the overview; 0 for a montage that costs no more than the overview alone."""
        if self.visual_tokens is None or self.overview_tokens is None:
            return None
        return max(0, self.visual_tokens - self.overview_tokens)
