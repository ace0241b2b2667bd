"""The frame of an HTML page that holds everything it shows, and what such pages share.

The page's own policy forbids scripts and requests. Whoever fills the frame escapes every word that comes from outside.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from semclip.geometry import Box, Size
from semclip.render.output import write_output
from semclip.render.palette import box_colour

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, body: str, *, style: str = "") -> str:
    """The page. `title` is text, `body` is markup, `style` is CSS that follows the look that all pages share."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · semclip</title>
<style>
{files(__package__).joinpath("page.css").read_text(encoding="utf-8")}{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_document(path: str | os.PathLike[str], html: str) -> None:
    """Nothing; `path` then holds `html` as UTF-8.

    Raises:
        InputError: `path` cannot be written.
    """
    # A question from a broken log may hold lone surrogates, which UTF-8 has no bytes for.
    write_output(path, html.encode("utf-8", errors="replace"))


def data_uri(encoded: bytes, form: str) -> str:
    """An encoded picture as the address that shows it.

    >>> data_uri(b"abc", "JPEG")
    'data:image/jpeg;base64,YWJj'
    """
    return f"data:image/{form.lower()};base64,{base64.b64encode(encoded).decode('ascii')}"


def outlines(boxes: Sequence[Box], size: Size) -> str:
    """A drawing to lie over a picture of `size`: the boxes framed and numbered, best first."""
    text_px = max(size.width, size.height) / 42
    marks = "\n".join(_mark(box, rank, text_px=text_px) for rank, box in reversed(list(enumerate(boxes))))
    return f'<svg viewBox="0 0 {size.width} {size.height}" aria-hidden="true">\n{marks}\n</svg>'


def definitions(rows: Iterable[tuple[str, str]]) -> str:
    """A definition list; each row is a term, which is text, and what it means, which is markup."""
    lines = "\n".join(f"<dt>{escape(term)}</dt><dd>{meaning}</dd>" for term, meaning in rows)
    return f"<dl>\n{lines}\n</dl>"


def _mark(box: Box, rank: int, *, text_px: float) -> str:
    shape = f'x="{box.left}" y="{box.top}" width="{box.size.width}" height="{box.size.height}"'
    above = box.top - 0.35 * text_px
    baseline = above if above > text_px else box.top + 1.15 * text_px
    return (
        f'<rect class="rim" {shape}/><rect class="frame" {shape} stroke="{box_colour(rank)}"/>'
        f'<text x="{box.left + 0.25 * text_px:.1f}" y="{baseline:.1f}" font-size="{text_px:.1f}"'
        f' stroke-width="{text_px / 5:.1f}">{rank + 1}</text>'
    )
