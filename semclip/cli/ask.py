"""`semclip ask`: what a model answers, with close-ups in hand."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semclip.cli import models, options
from semclip.cli.output import print_replies, write
from semclip.cli.terminal import CONTROL_CODES, say, source

if TYPE_CHECKING:
    from semclip.images import Image
    from semclip.types import Usage
    from semclip.vlm import VLM, Answer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def ask(
    image: options.Image = None,
    question: options.Question = None,
    questions: options.Questions = None,
    vlm: models.Vlm = None,
    base_url: models.BaseUrl = None,
    model: models.Model = None,
    family: models.Family = None,
    timeout: models.Timeout = None,
    device: models.Device = None,
    dtype: models.Dtype = None,
    psi: options.Psi = "embedded",
    k: Annotated[int, typer.Option("-k", min=0, help="How many crops, at most; 0 asks the model alone.")] = 2,
    min_gain: options.MinGain = 0,
    fusion: models.Fusion = None,
    max_visual_tokens: models.MaxVisualTokens = None,
    gate: Annotated[Path | None, typer.Option(help="Skip crops where this file says so; see: calibrate.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of the answer.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="0 is the likeliest answer.")] = 0,
    as_json: options.AsJson = False,
    out: options.Out = None,
    overlay: options.Overlay = None,
    report: options.Report = None,
) -> None:
    """Answer QUESTION about IMAGE with a frozen model that sees the crops that matter."""
    options.check_asked(image, question, questions, files=(out, overlay, report))
    where = models.Source(vlm, base_url, model, family, timeout, device, dtype)
    where.check()
    terms = models.Terms(psi, k, fusion, max_visual_tokens, gate, min_gain)

    from semclip import images
    from semclip.batch import read_lines
    from semclip.render import Reply
    from semclip.types import Decoding

    decoding, limits = Decoding(max_tokens, temperature), options.limits(None)
    if questions is not None:
        lines = read_lines(questions)
        ready = replace(terms.open(where), decoding=decoding)
        print_replies(lines, Path(questions), partial(_dictionary, ready), limits)
        return
    shown = source(image or "", at_most=limits.encoded_bytes)
    images.load(shown, limits)  # what cannot be read is said before a model is loaded
    opened = replace(terms.open(where), decoding=decoding)
    answer = _print_answer(opened, shown, question or "", as_json=as_json)
    write(answer.selection, out, overlay, report, Reply(opened.adapter.name, answer.text))
    for line in (*answer.notes, _cost(answer.usage)):
        say(line)


def _dictionary(vlm: VLM, image: Image, question: str) -> dict[str, Any]:
    return vlm.ask(image, question).to_dict()


def _print_answer(vlm: VLM, image: str | bytes, question: str, *, as_json: bool) -> Answer:
    """What was answered, and is on stdout by then: piece by piece where that is a terminal."""
    if as_json or not sys.stdout.isatty():
        answer = vlm.ask(image, question)
        typer.echo(json.dumps(answer.to_dict()) if as_json else answer.text)
        return answer
    from semclip.vlm import Answer

    stream, said = vlm.stream(image, question), ""
    try:
        for piece in stream:
            typer.echo(piece.translate(CONTROL_CODES), nl=False)
            said += piece
    finally:  # what comes next on the screen, an error too, starts on a line of its own
        typer.echo()
    return Answer(said, stream.selection, stream.shown, stream.usage, stream.notes)


def _cost(usage: Usage) -> str:
    if usage.visual_tokens is None:
        return "visual tokens are not known for this model; a server's are counted where --family names its model"
    parts = [f"{usage.visual_tokens:,} visual tokens"]
    if usage.crop_tokens is not None:
        parts.append(f"overview {usage.overview_tokens:,}, crops {usage.crop_tokens:,}")
    if usage.anyres_tokens is not None:
        parts.append(f"AnyRes or native resolution {usage.anyres_tokens:,}")
    if usage.vlm_passes:
        parts.append(f"ψ takes at most {usage.vlm_passes} passes of the model on a new image")
    return "; ".join(parts)
