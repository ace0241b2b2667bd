"""Numbers as people read them."""

from __future__ import annotations

from semclip.geometry import Size


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
