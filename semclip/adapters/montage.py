"""Overview and close-ups on one canvas, for models that were trained on one picture: the layout, then the drawing.

Knows nothing of tokens or relevance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.prompts import Arrangement

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

NEUTRAL = (122, 116, 104)
"""The mean colour of CLIP's training pictures, with which LLaVA pads: it is zero once the pixels are normalised."""

_GAPS_PER_SIDE = 84
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each picture is drawn, the overview first, and how that is said.

    `scale` is that of the crops; 1 is the size that each would have alone on the canvas.
    """

    boxes: tuple[Box, ...]
    arrangement: Arrangement
    scale: float


def layout(canvas: Size, pictures: Sequence[Size]) -> Layout:
    """The best layout of an overview and its crops, given by their own sizes, of which only the shapes matter.

    Either the overview stands above rows of crops, or at the left of columns of crops. Every such layout gives all
    pictures the same scale, as large as the canvas admits, and then the overview what space is left; the best is the
    one of the largest scale, and among equals the one with the largest overview.

    Raises: InputError without a crop, or where the canvas is too small to show them all.
    """
    if len(pictures) < 2:
        raise InputError(f"a montage needs an overview and at least one crop, got {len(pictures)} pictures")
    lengths = range(len(pictures) - 1, 0, -1)
    turned = [_turned(size) for size in pictures]
    above = [_stacked(canvas, pictures, length) for length in lengths]
    beside = [_beside(_stacked(_turned(canvas), turned, length)) for length in lengths]
    possible = [one for one in (*above, *beside) if one is not None]
    if not possible:
        raise InputError(f"a montage of {len(pictures)} pictures needs a larger canvas, got {canvas}")
    return max(possible, key=lambda one: (one.scale, one.boxes[0].area))


def draw(canvas: Size, boxes: Sequence[Box], pictures: Sequence[PILImage]) -> PILImage:
    """A picture of the size of `canvas` with each of `pictures` in its box, neutral elsewhere."""
    from PIL import Image

    drawn = Image.new("RGB", (canvas.width, canvas.height), NEUTRAL)
    for box, picture in zip(boxes, pictures, strict=True):
        drawn.paste(picture, (box.left, box.top, box.right, box.bottom))
    return drawn


def contained(size: Size, room: Size) -> Size:
    """The largest size of the shape of `size`, no side below 1, that fits into `room`.

    >>> contained(Size(10, 20), Size(100, 100))
    Size(width=50, height=100)
    """
    return _times(size, min(room.width / size.width, room.height / size.height))


def _stacked(canvas: Size, pictures: Sequence[Size], length: int) -> Layout | None:
    """The overview above rows of `length` crops; None where the canvas is too small for that."""
    gap = max(1, min(canvas.width, canvas.height) // _GAPS_PER_SIDE)
    overview, *crops = (contained(size, canvas) for size in pictures)
    rows = [crops[start : start + length] for start in range(0, len(crops), length)]
    width = max(sum(size.width for size in row) for row in rows)
    height = overview.height + sum(_tallest(row) for row in rows)
    scale = min(1.0, (canvas.width - gap * (length - 1)) / width, (canvas.height - gap * len(rows)) / height)
    rows = [[_times(size, scale) for size in row] for row in rows]
    left_over = canvas.height - sum(_tallest(row) + gap for row in rows)
    if left_over < 1 or any(sum(size.width + gap for size in row) - gap > canvas.width for row in rows):
        return None
    boxes = _row([contained(overview, Size(canvas.width, left_over))], Box(0, 0, canvas.width, left_over), gap)
    top = left_over + gap
    for row in rows:
        boxes += _row(row, Box(0, top, canvas.width, top + _tallest(row)), gap)
        top += _tallest(row) + gap
    return Layout(tuple(boxes), Arrangement("above", "row" if len(rows) == 1 else "rows"), scale)


def _row(sizes: Sequence[Size], strip: Box, gap: int) -> list[Box]:
    """The sizes side by side in the middle of `strip`."""
    left = strip.left + (strip.size.width - sum(size.width + gap for size in sizes) + gap) // 2
    boxes = []
    for size in sizes:
        top = strip.top + (strip.size.height - size.height) // 2
        boxes.append(Box(left, top, left + size.width, top + size.height))
        left += size.width + gap
    return boxes


def _beside(above: Layout | None) -> Layout | None:
    """The layout with rows and columns exchanged."""
    if above is None:
        return None
    boxes = tuple(Box(box.top, box.left, box.bottom, box.right) for box in above.boxes)
    return Layout(
        boxes, Arrangement("beside", "column" if above.arrangement.crops == "row" else "columns"), above.scale
    )


def _tallest(row: Sequence[Size]) -> int:
    return max(size.height for size in row)


def _times(size: Size, scale: float) -> Size:
    """The size with both sides multiplied and rounded down, so that sums of sides still fit, but not below 1."""
    return Size(max(1, int(size.width * scale + _ROUNDING)), max(1, int(size.height * scale + _ROUNDING)))


def _turned(size: Size) -> Size:
    return Size(size.height, size.width)
