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
from semclip.cli.terminal import UsageError, say, source

if TYPE_CHECKING:
    from semclip.images import Image
    from semclip.types import Usage
    from semclip.vlm import VLM, Answer, Stream

app = typer.Typer(rich_markup_mode=None)

_TERMINAL_CODES = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
"""What a picture could make a model write to take over the terminal."""


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
    if questions is None and question is None:
        raise UsageError("ask needs IMAGE and QUESTION, or --questions FILE")
    if questions is not None and (image is not None or out or overlay or report):
        raise UsageError("--questions takes no IMAGE, QUESTION, --out, --overlay or --report")
    where = models.Source(vlm, base_url, model, family, timeout, device, dtype)
    terms = models.Terms(psi, k, fusion, max_visual_tokens, gate)

    from semclip.types import Decoding

    ready = replace(terms.apply(where.open()), decoding=Decoding(max_tokens, temperature))
    limits = ready.semclip.limits
    if questions is not None:
        print_replies(questions, partial(_dictionary, ready), limits)
        return
    answer = _print_answer(ready, source(image or "", at_most=limits.encoded_bytes), question or "", as_json=as_json)
    write(answer.selection, out, overlay, report)
    for line in (*answer.notes, _cost(answer.usage)):
        say(line)


def _dictionary(vlm: VLM, image: Image, question: str) -> dict[str, Any]:
    return vlm.ask(image, question).to_dict()


def _print_answer(vlm: VLM, image: str | bytes, question: str, *, as_json: bool) -> Answer | Stream:
    """What was answered, and is on stdout by then: piece by piece where that is a terminal."""
    if as_json or not sys.stdout.isatty():
        answer = vlm.ask(image, question)
        typer.echo(json.dumps(answer.to_dict()) if as_json else answer.text)
        return answer
    stream = vlm.stream(image, question)
    try:
        for piece in stream:
            typer.echo(piece.translate(_TERMINAL_CODES), nl=False)
    finally:  # what comes next on the screen, an error too, starts on a line of its own
        typer.echo()
    return stream


def _cost(usage: Usage) -> str:
    if usage.visual_tokens is None:
        return "visual tokens are not known for this model; a server's are counted where --family names its model"
    parts = [f"{usage.visual_tokens:,} visual tokens"]
    if usage.crop_tokens is not None:
        parts.append(f"overview {usage.overview_tokens:,}, crops {usage.crop_tokens:,}")
    if usage.anyres_tokens is not None:
        parts.append(f"the model alone would spend {usage.anyres_tokens:,}")
    if usage.vlm_passes:
        parts.append(f"ψ took {usage.vlm_passes} passes of the model")
    return "; ".join(parts)
