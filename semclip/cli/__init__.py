"""The command line: parse, call, print. Data goes to stdout, everything else to stderr.

Exit codes: 0, 1 for what went wrong, 2 for a command line that cannot be understood, 130 after Ctrl-C. Whatever is slow
to import is imported inside the commands: `semclip --help` must not wait for numpy.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from semclip import __version__
from semclip.cli import ask, calibrate, check, eval_vlm, evaluate, mine, psi, select, train
from semclip.cli.terminal import UsageError, say
from semclip.errors import SemclipError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
for commands in (
    *(select.app, ask.app, evaluate.app, eval_vlm.app),
    *(calibrate.app, check.app, mine.app, train.app),
):
    app.add_typer(commands)
app.add_typer(psi.app, name="psi", help="What can score crops against a question.")

_INTERRUPTED = 130
"""What typer says after Ctrl-C; said here for the moments before typer listens."""


def main() -> None:
    """Runs the command line and ends the process.

    `--debug`, anywhere before `--`, shows the traceback of an error instead of one line.
    """
    _accept_any_name()
    kept = _without_debug(sys.argv[1:])
    debug = len(kept) < len(sys.argv) - 1
    try:
        sys.exit(app(kept, prog_name="semclip", standalone_mode=False))
    except UsageError as error:
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
    say(message)
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
