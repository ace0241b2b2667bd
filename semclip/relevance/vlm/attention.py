"""ψ from where the model itself looks: its attention to the overview, asked the question against asked nothing.

ViCrop's relative attention (arXiv 2502.17422, section 4): the last prompt token's attention to the picture's tokens,
divided by the same under a neutral instruction, which removes what is always looked at. The neutral pass does not
depend on the question: it is what `embed` keeps, and each question costs one pass more. How cells become boxes is
dense.box_scores and not ViCrop's window search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np

from semclip.adapters.families import placeholder_id
from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.relevance.dense import box_scores
from semclip.relevance.vlm.last_token import attention, attention_modules
from semclip.relevance.vlm.reading import fingerprint, finite, frame, overview, passes, picture_of
from semclip.types import Floats, Picture, Prompt, Regions

if TYPE_CHECKING:
    from semclip.adapters.chat import ChatAdapter

NEUTRAL = "Write a general description of the image."
LEAST_ATTENTION = 1e-9
"""A floor under the logarithm, for cells that a layer with a sliding window does not see."""


@final
@dataclass(frozen=True, eq=False)
class VlmAttention:
    """Relative attention at `layers`, counted from 0; at the one of `default_layer` where there are none.

    The evidence of a cell is its relative attention to the power of `sharpness`: at 3, a patch of 1 % of the picture
    that is looked at five times as much as without the question weighs as much as all the rest. `size_weight`: see
    dense.box_scores.
    """

    adapter: ChatAdapter
    layers: tuple[int, ...] = ()
    sharpness: float = 3.0
    size_weight: float = 0.3
    neutral: str = NEUTRAL
    name: str = "vlm:attention"

    def __post_init__(self) -> None:
        if not (0 < self.sharpness < math.inf and 0 <= self.size_weight < math.inf):
            given = f"{self.sharpness} and {self.size_weight}"
            raise InputError(f"sharpness needs to be above 0 and size_weight at least 0, got {given}")

    @cached_property
    def fingerprint(self) -> str:
        """Of options, model name, configuration and a sample of every weight; computed once."""
        options = (self._layers, self.neutral, self.sharpness, self.size_weight)
        return fingerprint(self.adapter, {"psi": self.name, "options": options})

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One pass, with the neutral instruction; features are the log attention, (cells, layers)."""
        features, grid = self._read(image, self.neutral)
        return Regions(image.size, tuple(boxes), features, self.fingerprint, grid, image, vlm_passes=2)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) see dense.box_scores. One pass.

        Raises: InputError for regions of another ψ or without their picture; ModelError where the model fails.
        """
        heat = self.heat(question, regions)
        padded, inside = frame(regions.size, self.adapter.style.square)
        x, y = inside.left, inside.top
        moved = [Box(box.left + x, box.top + y, box.right + x, box.bottom + y) for box in regions.boxes]
        return box_scores(heat, moved, padded, sharpness=self.sharpness, size_weight=self.size_weight)

    def heat(self, question: str, regions: Regions) -> Floats:
        """(grid.height, grid.width) log of the relative attention, the mean over layers; -inf in padding.

        The grid spans the picture as shown: where the family pads, the padding too.
        """
        if regions.encoder != self.fingerprint or regions.grid is None:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        features, grid = self._read(picture_of(regions, self.name), question)
        if grid != regions.grid:
            raise ModelError(f"psi {self.name} needs one grid whatever is asked, got {regions.grid}, then {grid}")
        heat: Floats = (features - regions.features).mean(1).reshape(grid.height, grid.width)
        return np.where(_shown(grid, *frame(regions.size, self.adapter.style.square)), heat, -np.inf)

    @property
    def _layers(self) -> tuple[int, ...]:
        return self.layers or (default_layer(len(attention_modules(self.adapter.model))),)

    def _read(self, image: Picture, text: str) -> tuple[Floats, Size]:
        """The log attention from the last token of the prompt to each cell of the overview, and the cells' grid."""
        adapter = self.adapter
        with passes(adapter, self.name):
            inputs = adapter.encode([Prompt((overview(image, adapter), text), tiling=False)])
            (weights_LT,) = finite(attention(adapter.model, inputs, self._layers), self.name)
            ours = inputs["input_ids"][0].cpu() == placeholder_id(adapter.processor)
            grid = cells(inputs, int(ours.sum()), adapter)
            weights_CL = weights_LT[:, ours][:, : grid.area].T
            features: Floats = weights_CL.clamp_min(LEAST_ATTENTION).log().numpy()
        return features, grid


def default_layer(depth: int) -> int:
    """ViCrop's choice for LLaVA-1.5-7B, layer 14 of 32, at the same share of any depth.

    >>> default_layer(32), default_layer(28)
    (14, 12)
    """
    return round(14 / 32 * depth)


def cells(inputs: Any, tokens: int, adapter: ChatAdapter) -> Size:
    """The grid, row-major, that the first of a picture's `tokens` placeholders form over the whole of it.

    Qwen's processor states its grid. Elsewhere a tower cuts the input into patches, which are the tokens as they are,
    or merged evenly. AnyRes families, whose processors state `image_sizes`, have the whole picture first, then tiles.
    Raises: ModelError where the tokens form no such grid.
    """
    if "image_grid_thw" in inputs:
        _, height, width = (int(side) for side in inputs["image_grid_thw"][0])
        merge: int = adapter.processor.image_processor.merge_size
        return Size(width // merge, height // merge)
    patch = adapter.model.config.vision_config.patch_size
    patch_px = patch if isinstance(patch, int) else patch[0]
    *tiles, _, height_px, width_px = inputs["pixel_values"].shape
    width, height = width_px // patch_px, height_px // patch_px
    merge = max(1, math.isqrt(width * height // max(1, tokens)))
    grid = Size(width // merge, height // merge)
    alone = tokens == grid.area and math.prod(tiles) == 1
    if not alone and not ("image_sizes" in inputs and tokens > grid.area):
        given = f"{tokens} for {math.prod(tiles)} views of {width}x{height} patches"
        raise ModelError(f"attention needs picture tokens that form a grid over the whole picture, got {given}")
    return grid


def _shown(grid: Size, padded: Size, inside: Box) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(grid.height, grid.width) whether a cell shows some of the picture, and not padding alone."""
    columns, rows = np.arange(grid.width) * padded.width, np.arange(grid.height) * padded.height
    wide = (columns + padded.width > inside.left * grid.width) & (columns < inside.right * grid.width)
    high = (rows + padded.height > inside.top * grid.height) & (rows < inside.bottom * grid.height)
    return high[:, None] & wide
