"""The report: one HTML page that holds everything it shows and asks nothing of any network.

Every word that comes from outside is escaped.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from pathlib import PurePath
from typing import TYPE_CHECKING

from PIL import Image

from semclip.render.document import data_uri, definitions, document, outlines, write_document
from semclip.render.heat import heat_map
from semclip.render.histogram import histogram
from semclip.render.palette import HEAT_COLOURS, box_colour, heat_colours
from semclip.render.wording import counted, score_text, size_text
from semclip.types import Maker, Scored

if TYPE_CHECKING:
    from semclip.selection import Selection

_OVERVIEW_PX = 1400
_CROP_PX = 800
_HEAT_PX = 160


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered with the crops and, where it was asked that way too, from the overview alone."""

    model: str
    aided: str
    alone: str | None = None


def report(selections: Sequence[Selection], replies: Sequence[Reply | None] = ()) -> str:
    """An HTML page with a section for each selection: overview, boxes, heat map, crops, scores and what made them.

    `replies` are those to the first selections, in their order.
    """
    titles = [selection.question for selection in selections]
    sections = enumerate(zip_longest(selections, replies[: len(selections)]), start=1)
    articles = "\n".join(_article(selection, reply, number) for number, (selection, reply) in sections)
    return document(
        titles[0] if len(titles) == 1 else f"{len(titles)} questions",
        f"""<header>
<h1>semclip report</h1>
<p>Where a vision-language model should look closely to answer</p>
</header>
<main>
{articles}
</main>
<footer>Boxes are pixels of the upright original: left, top, right, bottom, the last two exclusive.</footer>""",
    )


def write_report(
    path: str | os.PathLike[str], selections: Sequence[Selection], replies: Sequence[Reply | None] = ()
) -> None:
    """Nothing; `path` then holds the report as UTF-8.

    Raises:
        InputError: `path` cannot be written.
    """
    write_document(path, report(selections, replies))


def _article(selection: Selection, reply: Reply | None, number: int) -> str:
    return f"""<article aria-labelledby="q{number}">
<h2 id="q{number}" dir="auto">{escape(selection.question)}</h2>
{_said(reply)}
{_layers(selection, number)}
<h3>Chosen crops, best first</h3>
{_crops(selection)}
<h3>What was considered</h3>
<div class="facts">
{histogram(selection.considered, selection.chosen)}
{_facts(selection)}
</div>
</article>"""


def _said(reply: Reply | None) -> str:
    """What the model answered, both ways where both are known."""
    if reply is None:
        return ""
    # The folders of whoever made the report are nobody else's business; the name of a hub has a slash, too.
    model = PurePath(reply.model).name if PurePath(reply.model).is_absolute() else reply.model
    rows = [] if reply.alone is None else [("From the overview alone", reply.alone)]
    cells = "".join(
        f'<div><dt>{way}</dt><dd dir="auto">{escape(text)}</dd></div>'
        for way, text in [*rows, ("With the crops", reply.aided)]
    )
    return f'<dl class="said">{cells}</dl>\n<p class="scale">answers of {escape(model)}</p>'


def _layers(selection: Selection, number: int) -> str:
    """The overview under the heat map and the boxes, each with its own switch; CSS alone turns them on and off."""
    picture = selection.picture
    shown = picture.size.fit(_OVERVIEW_PX)
    photo = _jpeg(Image.fromarray(picture.resized(shown)), long_side_px=_OVERVIEW_PX)
    boxes = outlines([scored.box for scored in selection.chosen], picture.size)
    heat = heat_colours(heat_map(selection.considered, picture.size, picture.size.fit(_HEAT_PX)))
    chosen = len(selection.chosen)
    return f"""<figure class="layers">
<input type="checkbox" class="show-boxes" id="boxes{number}" checked><label for="boxes{number}">Boxes</label>
<input type="checkbox" class="show-heat" id="heat{number}"><label for="heat{number}">Relevance heat map</label>
<div class="scene">
<img class="photo" width="{shown.width}" height="{shown.height}" src="{photo}"
 alt="Overview of the whole image, {size_text(picture.size)}, with {counted(chosen, "chosen box", "chosen boxes")}">
<img class="heat" src="{_encoded(Image.fromarray(heat), "PNG")}"
 alt="Relevance heat map: bright where scores are high">
{boxes}
</div>
<p class="scale">mean score of the boxes over a pixel: low
<i style="background:linear-gradient(90deg,{",".join(HEAT_COLOURS)})"></i> high</p>
</figure>"""


def _crops(selection: Selection) -> str:
    if not selection.chosen:
        return "<p>None: no candidate passed. The overview alone goes to the model.</p>"
    crops = zip(selection.chosen, selection.crops, strict=True)
    items = "\n".join(_crop(scored, crop, rank=rank) for rank, (scored, crop) in enumerate(crops))
    return f'<ol class="crops">\n{items}\n</ol>'


def _crop(scored: Scored, crop: Image.Image, *, rank: int) -> str:
    box = ", ".join(map(str, scored.box.to_list()))
    return f"""<li><figure>
<img src="{_jpeg(crop, long_side_px=_CROP_PX)}" alt="Crop {rank + 1}: pixels {box}, score {score_text(scored.score)}">
<figcaption><b style="background:{box_colour(rank)}">{rank + 1}</b>
<span><code>{box}</code><br>{size_text(scored.box.size)}</span>
<span class="score">{score_text(scored.score)}</span></figcaption>
</figure></li>"""


def _facts(selection: Selection) -> str:
    picture = selection.picture
    # The name alone: folders of whoever made the report are nobody else's business.
    file = [] if selection.image == picture.digest else [("File", PurePath(selection.image).name)]
    considered = counted(len(selection.considered), "box", "boxes")
    shown = [*file, ("Size", size_text(picture.size)), ("Considered", considered)]
    rows = [(name, escape(value)) for name, value in shown + _made_by(selection.made_by)]
    return definitions([*rows, ("Content hash", f"<code>{escape(picture.digest)}</code>")])


def _made_by(maker: Maker) -> list[tuple[str, str]]:
    rows = [("ψ", maker.psi), ("ψ fingerprint", maker.fingerprint), ("Proposer", maker.proposer), ("k", str(maker.k))]
    optional = {"Scores, at least": maker.threshold, "Visual tokens, at most": maker.max_visual_tokens}
    return rows + [(name, f"{value:,}") for name, value in optional.items() if value is not None]


def _jpeg(picture: Image.Image, *, long_side_px: int) -> str:
    shrunk = picture.convert("RGB")
    shrunk.thumbnail((long_side_px, long_side_px))
    return _encoded(shrunk, "JPEG")


def _encoded(picture: Image.Image, form: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=form, quality=85, optimize=True)
    return data_uri(buffer.getvalue(), form)
