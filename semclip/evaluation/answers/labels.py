"""Where the names of points go in a plot: near their own point, over no other and over no other name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semclip.geometry import Box, Size
from semclip.render.boxes import free_place

_GAP_PX = 4
_STEP_PX = 6


def place_labels(
    markers: Sequence[Box], labels: Sequence[Size], *, frame: Box, taken: Sequence[Box] = ()
) -> tuple[Box, ...]:
    """A place for the label of each marker, as near to it as is free of markers, other labels and what is `taken`.

    All lie inside `frame`, into which they must fit.
    """
    placed: list[Box] = []
    for marker, label in zip(markers, labels, strict=True):
        placed.append(free_place(_places(marker, label, frame), taken=[*markers, *taken, *placed]))
    return tuple(placed)


def _places(marker: Box, label: Size, frame: Box) -> Iterator[Box]:
    """Beside the marker on the right, on the left and across it, at its height and then further and further away."""
    level = (marker.top + marker.bottom - label.height) // 2
    right, left = marker.right + _GAP_PX, marker.left - _GAP_PX - label.width
    across = (marker.left + marker.right - label.width) // 2
    for distance_px in range(0, frame.size.width + frame.size.height, _STEP_PX):
        for aside_px in range(0, distance_px + 1, _STEP_PX):
            lefts = (right + aside_px, left - aside_px) if aside_px else (right, left, across)
            for top in (level - distance_px + aside_px, level + distance_px - aside_px):
                yield from (_inside(one, top, label, frame) for one in lefts)


def _inside(left: int, top: int, label: Size, frame: Box) -> Box:
    """The nearest place in the frame."""
    left = max(frame.left, min(left, frame.right - label.width))
    top = max(frame.top, min(top, frame.bottom - label.height))
    return Box(left, top, left + label.width, top + label.height)
