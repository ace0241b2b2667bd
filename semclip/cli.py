"""The command line: parse, call, print. Data goes to stdout, everything else to stderr.

Exit codes: 0, 1 for what went wrong, 2 for a command line that cannot be understood, 130 after Ctrl-C. Whatever is slow
to import is imported inside the commands: `semclip --help` must not wait for numpy.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semclip import __version__
from semclip.errors import SemclipError

if TYPE_CHECKING:
    from semclip.evaluation.report import Report
    from semclip.pipeline import SemClip
    from semclip.selection import Selection

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
psi_app = typer.Typer(rich_markup_mode=None)
app.add_typer(psi_app, name="psi", help="What can score crops against a question.")

_PIPE_COLUMNS = 240
"""Where no terminal says how wide it is, a table is as wide as it needs to be."""

_INTERRUPTED = 130
"""What typer says after Ctrl-C; said here for the moments before typer listens."""

# typer may bring its own click, of which it exports only a subclass of this.
_UsageError: Any = typer.BadParameter.__base__


def main() -> None:
    """Runs the command line and ends the process.

    `--debug`, anywhere before `--`, shows the traceback of an error instead of one line.
    """
    _accept_any_name()
    kept = _without_debug(sys.argv[1:])
    debug = len(kept) < len(sys.argv) - 1
    try:
        sys.exit(app(kept, prog_name="semclip", standalone_mode=False))
    except _UsageError as error:
        _fail(f"{error.format_message()} (see: semclip --help)", code=2)
    except SemclipError as error:
        if debug:
            raise
        _fail(" ".join(str(error).split()), code=1)
    except (typer.Abort, BrokenPipeError):
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError as error:  # of stdin or stdout: what opens files translates its own
        if debug:
            raise
        # What is still unwritten must not fail once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _fail(f"reading or writing failed: {error} (--debug shows where)", code=1)


def _accept_any_name() -> None:
    """A file's name need not be text that the terminal can show; that must not cost the answer."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _without_debug(words: list[str]) -> list[str]:
    options = words[: words.index("--")] if "--" in words else words
    return [word for word in options if word != "--debug"] + words[len(options) :]


def _fail(message: str, *, code: int) -> None:
    typer.echo(f"semclip: {message}", err=True)
    sys.exit(code)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"semclip {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """A magnifying glass for frozen vision-language models: finds the crops that matter to a question."""


@app.command()
def select(
    image: Annotated[str | None, typer.Argument(help="A picture; - reads it from stdin.")] = None,
    question: Annotated[str | None, typer.Argument(help="What is asked about it.")] = None,
    questions: Annotated[str | None, typer.Option(help="A log of questions instead, JSON lines; - is stdin.")] = None,
    psi: Annotated[str, typer.Option(help="What scores the crops; see: semclip psi list.")] = "embedded",
    phrases: Annotated[
        bool, typer.Option("--phrases", help="Score the thing that the question names, not all of it.")
    ] = False,
    k: Annotated[int, typer.Option("-k", min=1, help="How many crops, at most.")] = 2,
    threshold: Annotated[float | None, typer.Option(help="Choose no crop that scores below.")] = None,
    max_visual_tokens: Annotated[
        int | None, typer.Option(help="For overview and crops together, at LLaVA-1.5's 576 a picture.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the overview, the crops and selection.json.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="PNG of the image with the boxes drawn on it.")] = None,
    report: Annotated[Path | None, typer.Option(help="HTML page that shows what was looked at, and why.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps encoded images between runs.")] = None,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Admit larger pictures than the 64 million pixels of the default.")
    ] = None,
) -> None:
    """Choose the crops of IMAGE that matter most to QUESTION."""
    if questions is None and question is None:
        raise _UsageError("select needs IMAGE and QUESTION, or --questions FILE")
    if questions is not None and (image is not None or out or overlay or report):
        raise _UsageError("--questions takes no IMAGE, QUESTION, --out, --overlay or --report")

    from semclip.cache import DiskCache, MemoryCache
    from semclip.images import Limits
    from semclip.pipeline import SemClip
    from semclip.relevance.table import load_relevance
    from semclip.selection import Choice

    choice = Choice(k=k, threshold=threshold, max_visual_tokens=max_visual_tokens)
    regions = MemoryCache() if cache is None else DiskCache(cache)
    limits = Limits() if max_pixels is None else Limits(pixels=max_pixels)
    relevance = load_relevance(f"phrases:{psi}" if phrases else psi)
    semclip = SemClip(relevance, choice=choice, cache=regions, limits=limits)
    if questions is not None:
        _print_answers(semclip, questions)
        return
    # One byte more than admitted tells a picture that is too long, even one that never ends.
    source = sys.stdin.buffer.read(semclip.limits.encoded_bytes + 1) if image == "-" else image or ""
    selection = semclip.select(source, question or "")
    _write(selection, out, overlay, report)
    typer.echo(json.dumps(selection.to_dict()) if as_json else str(selection))


def _write(selection: Selection, out: Path | None, overlay: Path | None, report: Path | None) -> None:
    if out is not None:
        selection.save(out)
    if overlay is not None:
        from semclip.render import write_overlay

        write_overlay(overlay, selection)
    if report is not None:
        from semclip.render import write_report

        write_report(report, [selection])


def _print_answers(semclip: SemClip, questions: str) -> None:
    """One JSON line for each line of the log, as soon as it is there; exit code 1 if one is an error."""
    from semclip.batch import answer, read_lines

    failed = False
    lines = read_lines(questions)
    total = sum(bool(line.strip()) for line in lines)
    with _progress("questions") as advance:
        for done, row in enumerate(answer(lines, Path(questions), semclip), start=1):
            typer.echo(json.dumps(row))
            failed = failed or "error" in row
            advance(done, total)
    raise typer.Exit(int(failed))


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """What to call with (done, total); draws a bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # stdout is data: rich would print it on its own console, which is stderr.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(label)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"needs numbers like 1,2,4, got {text!r}") from error


@app.command("eval")
def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Logs of questions with evidence boxes, JSON lines.")],
    psi: Annotated[list[str] | None, typer.Option(help="May be given several times; the first is compared.")] = None,
    k: Annotated[str, typer.Option("-k", help="Numbers of crops.")] = "1,2,4",
    split: Annotated[str | None, typer.Option(help="Only the questions of this split.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions of each log.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Measure how often the chosen crops hold the evidence; no vision-language model is needed."""
    from semclip.evaluation.compare import run_eval
    from semclip.evaluation.measurement import EvalConfig

    config = EvalConfig(ks=_numbers(k), split=split, limit=limit)
    with _progress("questions") as advance:
        report = run_eval(files, psi or ["embedded"], config=config, progress=advance)
    _print_report(report, as_json=as_json, markdown=markdown)
    raise typer.Exit(int(bool(report.rejected)))


def _print_report(report: Report, *, as_json: bool, markdown: bool) -> None:
    for one in report.rejected:
        typer.echo(f"semclip: {one.set}, {one.id}: {one.reason}", err=True)
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
        return
    from rich.console import Console

    from semclip.evaluation.table import render_table, to_markdown

    if markdown:
        typer.echo(to_markdown(report))
        return
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS).print(render_table(report))


@psi_app.command("list")
def list_psi() -> None:
    """Print the names that --psi takes."""
    from semclip.relevance.table import TABLE

    for name, entry in TABLE.items():
        typer.echo(f"{name:<12}{entry.about}")


@psi_app.command("show")
def show_psi(name: Annotated[str, typer.Argument(help="As for --psi.")]) -> None:
    """Load one ψ and print its name and fingerprint."""
    from semclip.relevance.table import load_relevance

    relevance = load_relevance(name)
    typer.echo(f"name         {relevance.name}\nfingerprint  {relevance.fingerprint}")
