"""Numbers as people read them."""

from __future__ import annotations

import math

from semclip.geometry import Size

ABSENT = "–"


def score_text(score: float) -> str:
    """Three digits after the point, or powers of ten where those would not tell scores apart.

    >>> score_text(0.5), score_text(-12.3456), score_text(2e-05), score_text(0.0)
    ('0.500', '-12.346', '2.00e-05', '0.000')
    """
    return f"{score:.3f}" if score == 0 or 1e-2 <= abs(score) < 1e5 else f"{score:.2e}"


def size_text(size: Size) -> str:
    """Width by height in pixels.

    >>> size_text(Size(40, 30))
    '40 × 30 px'
    """
    return f"{size.width} × {size.height} px"


def counted(number: int, one: str, many: str) -> str:
    """The number with its noun.

    >>> counted(1, "box", "boxes"), counted(1200, "box", "boxes")
    ('1 box', '1,200 boxes')
    """
    return f"{number:,} {one if number == 1 else many}"


def figure_text(value: float | None, form: str) -> str:
    """The value in the format `form` with a minus sign of full width; a dash where there is none or it is not finite.

    >>> figure_text(-1234.5, ",.1f"), figure_text(-0.01, "z.1f"), figure_text(math.nan, ".1f"), figure_text(None, "d")
    ('\u22121,234.5', '0.0', '–', '–')
    """
    return ABSENT if value is None or not math.isfinite(value) else format(value, form).replace("-", "\u2212")


def percent_text(share: float | None, *, decimals: int = 1) -> str:
    """A share in percent, without the sign for it.

    >>> percent_text(0.7125), percent_text(0.7125, decimals=0), percent_text(None)
    ('71.2', '71', '–')
    """
    return figure_text(None if share is None else 100 * share, f"z.{decimals}f")
