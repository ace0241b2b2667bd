"""How large pictures are sent: integer geometry of shrinking, padding and token budgets.

Knows nothing of pixels or models. Counters need not be monotone in a picture's size (those of tiling families are
not): every search here returns something that was counted and fits, and never a smaller one for a larger budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.selection import CountTokens

LEAST_OVERVIEW_PX = 336
"""A joint budget shrinks an overview's long side no further: it is what CLIP's own towers read."""
LEAST_CROP_PX = 224
"""The same for a crop."""

_MOST_ELONGATED = 200
"""Sides of a picture as sent, at most so many to 1: Qwen's processors refuse more."""
_STEPS = 1024


@dataclass(frozen=True, slots=True)
class Room:
    """One picture, between which long sides it may be sent, and what it may cost alone."""

    source: Size
    least_px: int
    most_px: int
    square: bool = False
    tokens: int | None = None

    @property
    def largest(self) -> Size:
        """The size as sent where nothing asks for less."""
        return self.at(_STEPS)

    def at(self, step: int) -> Size:
        """The size as sent, `step` of `_STEPS` of the way from the least to the most."""
        return framed(scaled(self.source, self.least_px + (self.most_px - self.least_px) * step // _STEPS), self.square)


def scaled(size: Size, long_side_px: int) -> Size:
    """This size brought to `long_side_px` by shrinking or enlarging, aspect ratio kept, no side below 1.

    >>> scaled(Size(100, 50), 448)
    Size(width=448, height=224)
    """
    scale = long_side_px / max(size.width, size.height)
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def framed(size: Size, square: bool) -> Size:
    """This size with its short side padded: to a square, or where it is thinner than 200 to 1.

    >>> framed(Size(448, 1), square=False), framed(Size(448, 1), square=True)
    (Size(width=448, height=3), Size(width=448, height=448))
    """
    long = max(size.width, size.height)
    least = long if square else math.ceil(long / _MOST_ELONGATED)
    return Size(max(size.width, least), max(size.height, least))


def centred(size: Size, canvas: Size) -> Box:
    """Where a picture of `size` lies in the middle of `canvas`.

    >>> centred(Size(40, 30), Size(40, 40))
    Box(left=0, top=5, right=40, bottom=35)
    """
    left, top = (canvas.width - size.width) // 2, (canvas.height - size.height) // 2
    return Box(left, top, left + size.width, top + size.height)


def overview_room(size: Size, most_px: int, *, square: bool) -> Room:
    """The room of an overview of a picture of `size`: shrunk to `most_px`, never enlarged."""
    most_px = min(most_px, max(size.width, size.height))
    return Room(size, min(LEAST_OVERVIEW_PX, most_px), most_px, square)


def crop_room(size: Size, crop_px: tuple[int, int], *, square: bool) -> Room:
    """The room of a crop of `size`: enlarged to a long side of `crop_px[0]`, shrunk to an area of `crop_px[1]` squared.

    Not by its long side: a band of the whole width would be no larger than in the overview.
    """
    own_px = max(size.width, size.height)
    bound_px = math.floor(own_px * crop_px[1] / math.sqrt(framed(size, square).area))
    most_px = min(max(own_px, crop_px[0]), bound_px)
    return Room(size, min(LEAST_CROP_PX, own_px, most_px), most_px, square)


def limited(room: Room, tokens: int | None, count: CountTokens, *, named: str) -> Room:
    """The same room for a picture that costs at most `tokens` alone: its most is lowered, its least gives way.

    Raises: InputError where no size does; the message calls the budget `named`.
    """
    if tokens is None:
        return room
    whole = replace(room, least_px=1)
    step = _largest(lambda step: count([whole.at(step)]) <= tokens)
    if step is None:
        raise InputError(f"{named} needs at least {count([whole.at(0)])} for this model and picture, got {tokens}")
    most_px = max(whole.at(step).width, whole.at(step).height)
    return replace(room, least_px=min(room.least_px, most_px), most_px=most_px, tokens=tokens)


def fitting(rooms: Sequence[Room], tokens: int | None, count: CountTokens) -> tuple[Size, ...]:
    """The sizes of the longest beginning of `rooms` that costs at most `tokens`, shrunk no further than that asks.

    All pictures shrink together. A larger budget never yields fewer.
    Raises: InputError where not even one picture fits, naming the least that would do.
    """
    if tokens is None:
        return tuple(room.largest for room in rooms)
    beginnings = [rooms[:shown] for shown in range(len(rooms), 0, -1)]
    for beginning in beginnings:
        sizes = _shrunk(beginning, tokens, count)
        if sizes is not None:
            return sizes
    least = min(_cost(beginning, step, count) for beginning in beginnings for step in (0, _STEPS))
    raise InputError(f"max_visual_tokens needs at least {least} for this model and picture, got {tokens}")


def _shrunk(rooms: Sequence[Room], tokens: int, count: CountTokens) -> tuple[Size, ...] | None:
    step = _largest(lambda step: _cost(rooms, step, count) <= tokens)
    return None if step is None else tuple(room.at(step) for room in rooms)


def _cost(rooms: Sequence[Room], step: int, count: CountTokens) -> float:
    """What the pictures cost together; infinity where one is above its own budget, as a smaller picture can be."""
    sizes = [room.at(step) for room in rooms]
    alone = [(count([size]), room.tokens) for size, room in zip(sizes, rooms, strict=True) if room.tokens is not None]
    return math.inf if any(cost > tokens for cost, tokens in alone) else count(sizes)


def _largest(fits: Callable[[int], bool]) -> int | None:
    """The last step that fits as bisection finds it; a `fits` that admits more never yields an earlier step."""
    if fits(_STEPS):
        return _STEPS
    if not fits(0):
        return None
    low, high = 0, _STEPS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
