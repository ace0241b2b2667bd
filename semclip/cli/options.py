"""The options that more than one command takes: one meaning, one wording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semclip.cli.terminal import UsageError
from semclip.errors import InputError
from semclip.logs import Format, Limit, parse_limit

if TYPE_CHECKING:
    from semclip.images import Limits

Image = Annotated[str | None, typer.Argument(help="A picture; - reads it from stdin.")]
Question = Annotated[str | None, typer.Argument(help="What is asked about it.")]
Questions = Annotated[str | None, typer.Option(help="A log of questions instead, JSON lines; - is stdin.")]
Psi = Annotated[str, typer.Option(help="What scores the crops; see: semclip psi list.")]
Phrases = Annotated[bool, typer.Option("--phrases", help="Score the thing that the question names, not all of it.")]
MinGain = Annotated[
    float, typer.Option(min=0, max=1, help="What a further crop must add, as a share of what the first is worth.")
]
Split = Annotated[str | None, typer.Option(help="Only the questions of this split.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the overview, the crops and selection.json.")]
Overlay = Annotated[Path | None, typer.Option(help="PNG of the image with the boxes drawn on it.")]
Report = Annotated[Path | None, typer.Option(help="HTML page that shows what was looked at, and why.")]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps encoded images between runs.")]
LogFormat = Annotated[Format, typer.Option("--format", help="What the log is written in.")]
Images = Annotated[
    Path | None, typer.Option(help="Folder to which image paths are relative.  [default: the log's folder]")
]
MaxRejects = Annotated[
    str, typer.Option(metavar="N|P%", help="With more rows rejected than this number or share, it fails.")
]
MaxPixels = Annotated[
    int | None, typer.Option(min=1, help="Admit larger pictures than the 64 million pixels of the default.")
]


def check_asked(
    image: str | None, question: str | None, questions: str | None, *, files: Sequence[Path | None]
) -> None:
    """Nothing; UsageError unless one question is asked, or a log of them, which writes none of `files`."""
    if questions is None and question is None:
        raise UsageError("IMAGE and QUESTION are needed, or --questions FILE")
    if questions is not None and (image is not None or any(files)):
        raise UsageError("--questions takes no IMAGE, QUESTION, --out, --overlay or --report")


def limits(max_pixels: int | None) -> Limits:
    """The limits with another number of pixels, where one is given."""
    from semclip.images import Limits

    return Limits() if max_pixels is None else Limits(pixels=max_pixels)


def max_rejects(text: str) -> Limit:
    """The limit that --max-rejects names."""
    try:
        return parse_limit(text)
    except InputError as error:
        raise UsageError(f"--max-rejects: {error}") from error
