"""Two drawings of results, as SVG: how often each strategy is right, and at how many visual tokens.

Colours come from page.css. They only repeat what names, shapes and lines tell: dots are of a ψ, squares choose without
the question, hollow diamonds know the answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, pairwise

from semclip.evaluation.answers.findings import StrategyResult
from semclip.evaluation.answers.labels import place_labels
from semclip.evaluation.answers.names import classes, crops, family, look
from semclip.evaluation.answers.scales import Axis, amount_axis, percent_axis
from semclip.geometry import Box, Size
from semclip.render.wording import figure_text, percent_text

_WIDTH = 600
_NAMES_PX, _VALUES_PX = 176, 56
_TALL = 380
_TOP_PX, _BELOW_PX = 8, 46
_LEAST_ROW_PX, _MOST_ROW_PX = 28, 40
_FRAME = Box(52, 12, _WIDTH - 12, _TALL - _BELOW_PX)
_RADIUS_PX = 6
_LETTER_PX, _LINE_PX = 8.2, 16
_MOST_LETTERS = 18

_Point = tuple[StrategyResult, Box]
"""A result and where its marker lies."""


def accuracy_plot(results: Sequence[StrategyResult], *, first: str) -> str:
    """A figure with a line for each strategy, the most often right on top: accuracy and interval on one axis.

    A dashed line marks the accuracy of the strategy `first`. A note instead where no accuracy is known.
    """
    known = sorted(_known(results), key=lambda one: -one.accuracy.value)
    if not known:
        return "<p>No accuracy is known.</p>"
    shares = [share for one in known for share in _ends(one)]
    axis = percent_axis(shares, start_px=_NAMES_PX, end_px=_WIDTH - _VALUES_PX)
    # As tall as the plot beside it, where that leaves rows neither cramped nor lost.
    row_px = min(max(_LEAST_ROW_PX, (_TALL - _TOP_PX - _BELOW_PX) // len(known)), _MOST_ROW_PX)
    floor = _TOP_PX + row_px * len(known)
    drawn = classes([one.strategy for one in results])
    heights = [_TOP_PX + row_px * (place + 0.5) for place in range(len(known))]
    body = [
        _ticks_below(axis, top=_TOP_PX, floor=floor),
        *(_reference(axis.at(100 * one.accuracy.value), floor) for one in known if one.strategy == first),
        *(_row(one, axis, y, style=drawn[one.strategy]) for one, y in zip(known, heights, strict=True)),
        _below("right, %", axis, floor),
    ]
    told = "; ".join(map(_told, known))
    return _figure("accuracy", "How often each strategy is right", told, body, height=floor + _BELOW_PX)


def tokens_plot(results: Sequence[StrategyResult]) -> str:
    """A figure with a point for each strategy: accuracy over mean visual tokens; a line joins the k of one family.

    Strategies without visual tokens are left out. A note instead where nothing is left.
    """
    shown = [one for one in _known(results) if one.visual_tokens and math.isfinite(one.visual_tokens)]
    if not shown:
        return "<p>No visual tokens were counted.</p>"
    across = amount_axis([one.visual_tokens or 0 for one in shown], start_px=_FRAME.left, end_px=_FRAME.right - 24)
    up = percent_axis([one.accuracy.value for one in shown], start_px=_FRAME.bottom - 10, end_px=_FRAME.top + 10)
    drawn = classes([one.strategy for one in results])
    markers = [_around(across.at(one.visual_tokens or 0), up.at(100 * one.accuracy.value)) for one in shown]
    points = list(zip(shown, markers, strict=True))
    lines = _lines(points)
    sizes = [_label_size(one.strategy) for one in shown]
    labels = place_labels(markers, sizes, frame=_FRAME, taken=[box for line in lines for box in _along(line)])
    body = [
        _ticks_below(across, top=_FRAME.top, floor=_FRAME.bottom),
        _ticks_left(up),
        *(_line(line, style=drawn[line[0][0].strategy]) for line in lines),
        *(_point(one, at, label, style=drawn[one.strategy]) for (one, at), label in zip(points, labels, strict=True)),
        _below("mean visual tokens of a question", across, _FRAME.bottom),
    ]
    told = "; ".join(f"{_told(one)} at {figure_text(one.visual_tokens, ',.0f')} visual tokens" for one in shown)
    return _figure("tokens", "How often right, at how many visual tokens", told, body, height=_TALL)


def _known(results: Sequence[StrategyResult]) -> list[StrategyResult]:
    return [one for one in results if math.isfinite(one.accuracy.value)]


def _ends(one: StrategyResult) -> list[float]:
    """The accuracy and the ends of its interval, those that are known."""
    return [share for share in (one.accuracy.value, one.accuracy.low, one.accuracy.high) if math.isfinite(share)]


def _told(one: StrategyResult) -> str:
    """One result in words."""
    low, high = percent_text(one.accuracy.low), percent_text(one.accuracy.high)
    return f"{one.strategy}: {percent_text(one.accuracy.value)} % ({low} to {high})"


def _figure(key: str, title: str, told: str, body: Sequence[str], *, height: int) -> str:
    parts = "\n".join(body)
    return f"""<figure class="plot">
<figcaption>{title}</figcaption>
<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="{key}-title {key}-told">
<title id="{key}-title">{title}</title><desc id="{key}-told">{escape(told)}</desc>
{parts}
</svg>
</figure>"""


def _row(one: StrategyResult, axis: Axis, y: float, *, style: str) -> str:
    ends = [axis.at(100 * share) for share in _ends(one)]
    value = percent_text(one.accuracy.value)
    return (
        f'<g class="{style}"><title>{escape(_told(one))}</title>'
        f'<text class="name" x="{_NAMES_PX - 14}" y="{y + 4:.1f}" text-anchor="end">{_shortened(one.strategy)}</text>'
        f'<line class="interval" x1="{min(ends):.1f}" x2="{max(ends):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f"{_marker(one.strategy, axis.at(100 * one.accuracy.value), y)}"
        f'<text class="value" x="{_WIDTH - 4}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
        "</g>"
    )


def _point(one: StrategyResult, at: Box, label: Box, *, style: str) -> str:
    x, y = at.center
    middle, height = label.center
    # Fonts differ in width, so a name starts or ends at the side that faces its point.
    start, anchor = (label.left, "start") if middle > x else (label.right, "end") if middle < x else (middle, "middle")
    # A name that had to go further away is tied to its point.
    is_far = abs(height - y) > _LINE_PX + 2
    tie = f'<line class="tie" x1="{x}" y1="{y}" x2="{start}" y2="{height}"/>' if is_far else ""
    return (
        f'<g class="{style}"><title>{escape(_told(one))}</title>{tie}{_marker(one.strategy, x, y)}'
        f'<text class="name" x="{start}" y="{height + 4.5}" text-anchor="{anchor}">{_shortened(one.strategy)}</text>'
        "</g>"
    )


def _marker(name: str, x: float, y: float) -> str:
    if look(name) == "psi":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>'
    if look(name) == "plain":
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"/>'
    return f'<path d="M{x:.1f} {y - 6.5:.1f}l6.5 6.5l-6.5 6.5l-6.5 -6.5z"/>'


def _lines(points: Sequence[_Point]) -> list[list[_Point]]:
    """The points of each family that has several numbers of crops, from few to many."""
    counted = [point for point in points if crops(point[0].strategy) is not None]
    ordered = sorted(counted, key=lambda point: (family(point[0].strategy), crops(point[0].strategy) or 0))
    families = [list(group) for _, group in groupby(ordered, key=lambda point: family(point[0].strategy))]
    return [members for members in families if len(members) > 1]


def _line(members: Sequence[_Point], *, style: str) -> str:
    corners = " ".join(f"{at.center[0]},{at.center[1]}" for _, at in members)
    return f'<polyline class="{style}" points="{corners}"/>'


def _along(members: Sequence[_Point]) -> Iterator[Box]:
    """Small boxes that cover the line through the points."""
    for (_, one), (_, other) in pairwise(members):
        (x, y), (far_x, far_y) = one.center, other.center
        steps = max(1, round(math.hypot(far_x - x, far_y - y) / _RADIUS_PX))
        for step in range(steps):
            left, top = round(x + (far_x - x) * step / steps), round(y + (far_y - y) * step / steps)
            yield Box(left - 1, top - 1, left + 2, top + 2)


def _reference(x: float, floor: int) -> str:
    return f'<line class="reference" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{floor}"/>'


def _ticks_below(axis: Axis, *, top: int, floor: int) -> str:
    return "".join(
        f'<line class="grid" x1="{axis.at(tick):.1f}" x2="{axis.at(tick):.1f}" y1="{top}" y2="{floor}"/>'
        f'<text class="tick" x="{axis.at(tick):.1f}" y="{floor + 17}" text-anchor="middle">{tick:,.0f}</text>'
        for tick in axis.ticks
    )


def _ticks_left(axis: Axis) -> str:
    return "".join(
        f'<line class="grid" x1="{_FRAME.left}" x2="{_FRAME.right}" y1="{axis.at(tick):.1f}" y2="{axis.at(tick):.1f}"/>'
        f'<text class="tick" x="{_FRAME.left - 8}" y="{axis.at(tick) + 4:.1f}" text-anchor="end">{tick:,.0f} %</text>'
        for tick in axis.ticks
    )


def _below(text: str, axis: Axis, floor: int) -> str:
    """What an axis shows, under it."""
    middle = (axis.start_px + axis.end_px) / 2
    return f'<text class="tick" x="{middle:.1f}" y="{floor + 38}" text-anchor="middle">{text}</text>'


def _around(x: float, y: float) -> Box:
    left, top = round(x) - _RADIUS_PX, round(y) - _RADIUS_PX
    return Box(left, top, left + 2 * _RADIUS_PX, top + 2 * _RADIUS_PX)


def _label_size(name: str) -> Size:
    return Size(math.ceil(_LETTER_PX * min(len(name), _MOST_LETTERS)) + 4, _LINE_PX)


def _shortened(name: str) -> str:
    """The name as markup; of a long one the end, which tells more of a folder and holds the number of crops."""
    return escape(name if len(name) <= _MOST_LETTERS else "…" + name[1 - _MOST_LETTERS :])
