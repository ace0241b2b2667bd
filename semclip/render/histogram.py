"""How the scores of all candidates are spread, as an SVG drawing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semclip.render.palette import box_colour
from semclip.render.wording import counted, score_text
from semclip.types import Scored

_BINS = 40
_WIDTH, _HEIGHT, _MARGIN, _FLOOR = 480, 150, 12, 120


def histogram(considered: Sequence[Scored], chosen: Sequence[Scored]) -> str:
    """A figure: bars for the finite scores of `considered` and a numbered dot for each of `chosen`.

    A note instead where no score is finite. Scores of -inf, which cannot be chosen, are counted in the caption.
    """
    scores = np.array([scored.score for scored in considered], dtype=np.float64)
    finite = scores[np.isfinite(scores)]
    if not finite.size:
        return "<p>No candidate has a finite score.</p>"
    low, high = float(finite.min()), float(finite.max())
    # Not np.histogram, which refuses scores that differ by rounding only.
    places = np.array([_share(score, low, high) for score in finite.tolist()])
    counts = np.bincount(np.minimum(places * _BINS, _BINS - 1).astype(np.intp), minlength=_BINS)
    ruled_out = f"; {len(scores) - len(finite)} more were ruled out" if len(scores) > len(finite) else ""
    span = f"{score_text(low)} to {score_text(high)}"
    caption = f"Scores of {counted(len(finite), 'candidate', 'candidates')}, {span}, the chosen marked{ruled_out}"
    dots = [
        _dot(_share(scored.score, low, high), rank) for rank, scored in enumerate(chosen) if np.isfinite(scored.score)
    ]
    return f"""<figure class="histogram">
<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Histogram. {caption}">
{_bars(counts / counts.max())}
<line x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{_FLOOR}" y2="{_FLOOR}"/>
<text x="{_MARGIN}" y="{_HEIGHT - 5}">{score_text(low)}</text>
<text x="{_WIDTH - _MARGIN}" y="{_HEIGHT - 5}" text-anchor="end">{score_text(high)}</text>
{"".join(reversed(dots))}
</svg>
<figcaption>{caption}.</figcaption>
</figure>"""


def _share(score: float, low: float, high: float) -> float:
    """How far along the axis a score lies, 0 to 1; in the middle where all are equal."""
    return (score - low) / (high - low) if high > low else 0.5


def _bars(shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    width = (_WIDTH - 2 * _MARGIN) / _BINS
    heights = shares * (_FLOOR - _MARGIN)
    lefts = _MARGIN + width * np.arange(_BINS)
    return "".join(
        f'<rect x="{left:.1f}" y="{_FLOOR - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}"/>'
        for left, height in zip(lefts, heights, strict=True)
        if height > 0
    )


def _dot(share: float, rank: int) -> str:
    x = _MARGIN + share * (_WIDTH - 2 * _MARGIN)
    return f'<circle cx="{x:.1f}" cy="{_FLOOR}" r="5" fill="{box_colour(rank)}"><title>{rank + 1}</title></circle>'
