"""The report: one HTML page that holds everything it shows and asks nothing of any network.

Every word that comes from outside is escaped, and the page's own policy forbids scripts and requests.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING

from PIL import Image

from semclip.geometry import Box, Size
from semclip.render.heat import heat_map
from semclip.render.histogram import histogram
from semclip.render.output import write_output
from semclip.render.palette import HEAT_COLOURS, box_colour, heat_colours
from semclip.render.wording import counted, score_text, size_text
from semclip.types import Maker, Scored

if TYPE_CHECKING:
    from semclip.selection import Selection

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_OVERVIEW_PX = 1400
_CROP_PX = 800
_HEAT_PX = 160


def report(selections: Sequence[Selection]) -> str:
    """An HTML page with a section for each selection: overview, boxes, heat map, crops, scores and what made them."""
    titles = [selection.question for selection in selections]
    articles = "\n".join(_article(selection, number) for number, selection in enumerate(selections, start=1))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(titles[0] if len(titles) == 1 else f"{len(titles)} questions")} · semclip</title>
<style>
{files(__package__).joinpath("page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>semclip report</h1>
<p>Where a vision-language model should look closely to answer</p>
</header>
<main>
{articles}
</main>
<footer>Boxes are pixels of the upright original: left, top, right, bottom, the last two exclusive.</footer>
</body>
</html>
"""


def write_report(path: str | os.PathLike[str], selections: Sequence[Selection]) -> None:
    """Nothing; `path` then holds the report as UTF-8.

    Raises:
        InputError: `path` cannot be written.
    """
    # A question from a broken log may hold lone surrogates, which UTF-8 has no bytes for.
    write_output(path, report(selections).encode("utf-8", errors="replace"))


def _article(selection: Selection, number: int) -> str:
    return f"""<article aria-labelledby="q{number}">
<h2 id="q{number}" dir="auto">{escape(selection.question)}</h2>
{_layers(selection, number)}
<h3>Chosen crops, best first</h3>
{_crops(selection)}
<h3>What was considered</h3>
<div class="facts">
{histogram(selection.considered, selection.chosen)}
{_facts(selection)}
</div>
</article>"""


def _layers(selection: Selection, number: int) -> str:
    """The overview under the heat map and the boxes, each with its own switch; CSS alone turns them on and off."""
    picture = selection.picture
    shown = picture.size.fit(_OVERVIEW_PX)
    photo = _jpeg(Image.fromarray(picture.resized(shown)), long_side_px=_OVERVIEW_PX)
    heat = heat_colours(heat_map(selection.considered, picture.size, picture.size.fit(_HEAT_PX)))
    chosen = len(selection.chosen)
    return f"""<figure class="layers">
<input type="checkbox" class="show-boxes" id="boxes{number}" checked><label for="boxes{number}">Boxes</label>
<input type="checkbox" class="show-heat" id="heat{number}"><label for="heat{number}">Relevance heat map</label>
<div class="scene">
<img class="photo" width="{shown.width}" height="{shown.height}" src="{photo}"
 alt="Overview of the whole image, {size_text(picture.size)}, with {counted(chosen, "chosen box", "chosen boxes")}">
<img class="heat" src="{_data_uri(Image.fromarray(heat), "PNG")}"
 alt="Relevance heat map: bright where scores are high">
{_boxes(selection.chosen, picture.size)}
</div>
<p class="scale">mean score of the boxes over a pixel: low
<i style="background:linear-gradient(90deg,{",".join(HEAT_COLOURS)})"></i> high</p>
</figure>"""


def _boxes(chosen: Sequence[Scored], size: Size) -> str:
    text_px = max(size.width, size.height) / 42
    marks = "\n".join(_mark(scored.box, rank, text_px=text_px) for rank, scored in reversed(list(enumerate(chosen))))
    return f'<svg viewBox="0 0 {size.width} {size.height}" aria-hidden="true">\n{marks}\n</svg>'


def _mark(box: Box, rank: int, *, text_px: float) -> str:
    shape = f'x="{box.left}" y="{box.top}" width="{box.size.width}" height="{box.size.height}"'
    above = box.top - 0.35 * text_px
    baseline = above if above > text_px else box.top + 1.15 * text_px
    return (
        f'<rect class="rim" {shape}/><rect class="frame" {shape} stroke="{box_colour(rank)}"/>'
        f'<text x="{box.left + 0.25 * text_px:.1f}" y="{baseline:.1f}" font-size="{text_px:.1f}"'
        f' stroke-width="{text_px / 5:.1f}">{rank + 1}</text>'
    )


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
    rows = "\n".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in shown + _made_by(selection.made_by))
    digest = escape(picture.digest)
    return f"<dl>\n{rows}\n<dt>Content hash</dt><dd><code>{digest}</code></dd>\n</dl>"


def _made_by(maker: Maker) -> list[tuple[str, str]]:
    rows = [("ψ", maker.psi), ("ψ fingerprint", maker.fingerprint), ("Proposer", maker.proposer), ("k", str(maker.k))]
    optional = {"Scores, at least": maker.threshold, "Visual tokens, at most": maker.max_visual_tokens}
    return rows + [(name, f"{value:,}") for name, value in optional.items() if value is not None]


def _jpeg(picture: Image.Image, *, long_side_px: int) -> str:
    shrunk = picture.convert("RGB")
    shrunk.thumbnail((long_side_px, long_side_px))
    return _data_uri(shrunk, "JPEG")


def _data_uri(picture: Image.Image, form: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=form, quality=85, optimize=True)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
