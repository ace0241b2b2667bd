"""`semclip select`: the crops that matter to a question."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semclip.cli import options
from semclip.cli.output import print_replies, write
from semclip.cli.terminal import source

if TYPE_CHECKING:
    from semclip.images import Image
    from semclip.pipeline import SemClip

app = typer.Typer(rich_markup_mode=None)


@app.command()
def select(
    image: options.Image = None,
    question: options.Question = None,
    questions: options.Questions = None,
    psi: options.Psi = "embedded",
    phrases: options.Phrases = False,
    k: Annotated[int, typer.Option("-k", min=1, help="How many crops, at most.")] = 2,
    threshold: Annotated[float | None, typer.Option(help="Choose no crop that scores below.")] = None,
    min_gain: options.MinGain = 0,
    max_visual_tokens: Annotated[
        int | None, typer.Option(help="For overview and crops together, at LLaVA-1.5's 576 a picture.")
    ] = None,
    as_json: options.AsJson = False,
    out: options.Out = None,
    overlay: options.Overlay = None,
    report: options.Report = None,
    cache: options.Cache = None,
    max_pixels: options.MaxPixels = None,
) -> None:
    """Choose the crops of IMAGE that matter most to QUESTION."""
    options.check_asked(image, question, questions, files=(out, overlay, report))

    from semclip.batch import read_lines
    from semclip.cache import DiskCache, MemoryCache
    from semclip.pipeline import SemClip
    from semclip.relevance.table import load_relevance
    from semclip.selection import Choice

    choice = Choice(k=k, threshold=threshold, min_gain=min_gain, max_visual_tokens=max_visual_tokens)
    regions = MemoryCache() if cache is None else DiskCache(cache)
    relevance = load_relevance(f"phrases:{psi}" if phrases else psi)
    semclip = SemClip(relevance, choice=choice, cache=regions, limits=options.limits(max_pixels))
    if questions is not None:
        print_replies(read_lines(questions), Path(questions), partial(_dictionary, semclip), semclip.limits)
        return
    selection = semclip.select(source(image or "", at_most=semclip.limits.encoded_bytes), question or "")
    write(selection, out, overlay, report)
    typer.echo(json.dumps(selection.to_dict()) if as_json else str(selection))


def _dictionary(semclip: SemClip, image: Image, question: str) -> dict[str, Any]:
    return semclip.select(image, question).to_dict()
