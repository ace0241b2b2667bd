"""The overview with the chosen boxes drawn on it, as one picture."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from semclip.geometry import Box, Size, intersection_area
from semclip.render.output import write_output
from semclip.render.palette import box_colour
from semclip.render.wording import score_text

if TYPE_CHECKING:
    from semclip.selection import Selection

_DIMMED = 0.5


def overlay(selection: Selection, *, long_side_px: int = 1600) -> Image.Image:
    """The overview, at most `long_side_px` long, with the chosen boxes outlined, numbered best first and scored.

    Everything outside the chosen boxes is dimmed; where nothing was chosen, nothing is.
    """
    size = selection.picture.size.fit(long_side_px)
    bright = Image.fromarray(selection.picture.resized(size))
    boxes = [_scaled(scored.box, selection.picture.size, target=size) for scored in selection.chosen]
    canvas = _dimmed_outside(bright, boxes)
    draw = ImageDraw.Draw(canvas)
    for rank, box in reversed(list(enumerate(boxes))):
        _outline(draw, box, colour=box_colour(rank), size=size)
    tags = [f"{rank}   {score_text(scored.score)}" for rank, scored in enumerate(selection.chosen, start=1)]
    _draw_tags(draw, boxes, tags=tags, size=size)
    return canvas


def write_overlay(path: str | os.PathLike[str], selection: Selection) -> None:
    """Nothing; `path` then holds the overlay as PNG.

    Raises:
        InputError: `path` cannot be written.
    """
    buffer = io.BytesIO()
    overlay(selection).save(buffer, format="PNG")
    write_output(path, buffer.getvalue())


def free_place(places: Iterator[Box], *, taken: Sequence[Box]) -> Box:
    """The first of `places`, at least one, that covers no part of what is `taken`; the very first where all do."""
    first = next(places)
    candidates = chain([first], places)
    return next((place for place in candidates if not any(intersection_area(place, one) for one in taken)), first)


def _scaled(box: Box, size: Size, *, target: Size) -> Box:
    """`box` of an image of `size` in the frame of the same image at `target`, at least one pixel each way.

    >>> _scaled(Box(100, 100, 101, 300), Size(400, 400), target=Size(40, 40))
    Box(left=10, top=10, right=11, bottom=30)
    """
    left = min(round(box.left * target.width / size.width), target.width - 1)
    top = min(round(box.top * target.height / size.height), target.height - 1)
    right = round(box.right * target.width / size.width)
    bottom = round(box.bottom * target.height / size.height)
    return Box(left, top, max(right, left + 1), max(bottom, top + 1))


def _dimmed_outside(bright: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    if not boxes:
        return bright.copy()
    dimmed = bright.point(lambda value: value * _DIMMED)
    for box in boxes:
        area = (box.left, box.top, box.right, box.bottom)
        dimmed.paste(bright.crop(area), area)
    return dimmed


def _outline(draw: ImageDraw.ImageDraw, box: Box, *, colour: str, size: Size) -> None:
    """A coloured frame between two black ones, which stand out on bright and on dark pixels alike."""
    width_px = max(2, round(max(size.width, size.height) / 400))
    rim_px = max(1, width_px // 2)
    outer = _corners(box, size, margin_px=width_px + 2 * rim_px)
    draw.rectangle(outer, outline="black", width=width_px + 2 * rim_px)
    inner = (outer[0] + rim_px, outer[1] + rim_px, outer[2] - rim_px, outer[3] - rim_px)
    if inner[0] <= inner[2] and inner[1] <= inner[3]:
        draw.rectangle(inner, outline=colour, width=width_px)


def _corners(box: Box, size: Size, *, margin_px: int) -> tuple[int, int, int, int]:
    """First and last pixel of a frame around `box`, on the box's own pixels where it lies at the image's edge."""
    return (
        max(0, box.left - margin_px),
        max(0, box.top - margin_px),
        min(size.width, box.right + margin_px) - 1,
        min(size.height, box.bottom + margin_px) - 1,
    )


def _draw_tags(draw: ImageDraw.ImageDraw, boxes: Sequence[Box], *, tags: Sequence[str], size: Size) -> None:
    text_px = max(11, round(max(size.width, size.height) / 62))
    font = ImageFont.load_default(text_px)
    placed: list[Box] = []
    for rank, (box, text) in enumerate(zip(boxes, tags, strict=True)):
        width_px = round(draw.textlength(text, font=font)) + text_px
        places = _places(box, Size(width_px, round(1.5 * text_px)), size=size)
        tag = free_place(places, taken=placed)
        placed.append(tag)
        draw.rectangle((tag.left, tag.top, tag.right - 1, tag.bottom - 1), fill=box_colour(rank), outline="black")
        draw.text(tag.center, text, fill="black", font=font, anchor="mm")


def _places(box: Box, tag: Size, *, size: Size) -> Iterator[Box]:
    """Above, below, inside at the top and at the bottom; at the left edge of the box, then at the right.

    All lie inside the image as far as the tag fits.
    """
    gap_px = max(4, tag.height // 4)
    tops = (box.top - tag.height - gap_px, box.bottom + gap_px, box.top + gap_px, box.bottom - tag.height - gap_px)
    for left in (box.left, box.right - tag.width):
        for top in tops:
            inside_left = max(0, min(left, size.width - tag.width))
            inside_top = max(0, min(top, size.height - tag.height))
            yield Box(inside_left, inside_top, inside_left + tag.width, inside_top + tag.height)
