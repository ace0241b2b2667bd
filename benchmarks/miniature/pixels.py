"""Pictures as the towers read them, without the processors' detours; tests hold that both give the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.miniature.models import TOKEN_PX, Family
from semclip.adapters.montage import NEUTRAL

_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
"""CLIP's, which LLaVA and Qwen-VL share."""


def encode(family: Family, pictures: Sequence[Image.Image]) -> dict[str, Tensor]:
    """What the model's forward takes of pictures that have the size in which it sees them."""
    arrays = [(np.asarray(picture, np.float32) / 255 - _MEAN) / _STD for picture in pictures]
    if family == "llava":
        return {"pixel_values": torch.from_numpy(np.stack(arrays).transpose(0, 3, 1, 2).copy())}
    grids = [[1, array.shape[0] // _PATCH_PX, array.shape[1] // _PATCH_PX] for array in arrays]
    patches = np.concatenate([_patches(array) for array in arrays])
    return {"pixel_values": torch.from_numpy(patches), "image_grid_thw": torch.tensor(grids)}


_PATCH_PX = TOKEN_PX // 2


def _patches(array: Any) -> Any:
    """(patches, 3 * 2 * 8 * 8), those of a token together; a picture is a film of two equal frames."""
    rows, columns = array.shape[0] // TOKEN_PX, array.shape[1] // TOKEN_PX
    cut = array.reshape(rows, 2, _PATCH_PX, columns, 2, _PATCH_PX, 3)
    ordered = cut.transpose(0, 3, 1, 4, 6, 2, 5)  # rows, columns, 2, 2, colour, y, x
    film = np.repeat(ordered[:, :, :, :, :, None], 2, axis=5)
    return np.ascontiguousarray(film.reshape(rows * columns * 4, -1))


def squared(picture: Image.Image, side_px: int) -> Image.Image:
    """The picture in the middle of a neutral square."""
    if picture.size == (side_px, side_px):
        return picture
    square = Image.new("RGB", (side_px, side_px), NEUTRAL)
    square.paste(picture, ((side_px - picture.width) // 2, (side_px - picture.height) // 2))
    return square
