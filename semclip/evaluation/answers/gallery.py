"""Questions that crops turned, as HTML: where the model looked, and what it said without and with the crops."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from semclip.evaluation.answers.findings import Flip
from semclip.geometry import Size
from semclip.render.document import data_uri, definitions, outlines
from semclip.render.palette import box_colour
from semclip.render.wording import counted


def gallery(flips: Sequence[Flip]) -> str:
    """The questions that were turned right, then those that were turned wrong."""
    won, lost = ([flip for flip in flips if flip.won is side] for side in (True, False))
    return f"{_section('Turned right', won)}\n{_section('Turned wrong', lost)}"


def _section(title: str, flips: Sequence[Flip]) -> str:
    shown = f'<p class="quiet">{counted(len(flips), "question", "questions")}</p>' if flips else ""
    cards = "\n".join(map(_card, flips))
    body = f'{shown}\n<div class="flips">\n{cards}\n</div>' if flips else "<p>None.</p>"
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>"


def _card(flip: Flip) -> str:
    pictures = _overview(flip) + (_crops(flip) if flip.crops else "")
    return f"""<article class="flip">
{pictures}
<div class="said">
<p class="quiet">{escape(flip.set)} · {escape(flip.item)} · {escape(flip.strategy)}</p>
<h3 dir="auto">{escape(flip.question)}</h3>
{definitions(_answers(flip))}
</div>
</article>"""


def _answers(flip: Flip) -> list[tuple[str, str]]:
    before, after = ("wrong", "right") if flip.won else ("right", "wrong")
    return [
        ("Expected", " <i>or</i> ".join(f"<bdi>{escape(answer)}</bdi>" for answer in dict.fromkeys(flip.expected))),
        ("Overview alone", _said(flip.before, before)),
        ("With crops", _said(flip.after, after)),
    ]


def _said(text: str, verdict: str) -> str:
    words = f"<bdi>{escape(text)}</bdi>" if text.strip() else "<i>nothing</i>"
    return f'<span class="{verdict}">{words} <small>{verdict}</small></span>'


def _overview(flip: Flip) -> str:
    return f"""<div class="stage"><div class="scene">
<img class="photo" src="{data_uri(flip.overview, "JPEG")}"
 alt="Overview, with {counted(len(flip.boxes), "box", "boxes")} drawn on it">
{outlines(flip.boxes, Size(flip.width, flip.height))}
</div></div>"""


def _crops(flip: Flip) -> str:
    pictures = "".join(
        f'<img style="border-color:{box_colour(rank)}" src="{data_uri(crop, "JPEG")}" alt="Crop {rank + 1}">'
        for rank, crop in enumerate(flip.crops)
    )
    return f'<div class="strip">{pictures}</div>'
