"""What commands share towards the terminal: reading a picture from stdin, a progress bar, and words on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

# typer may bring its own click, of which it exports only a subclass of this.
UsageError: Any = typer.BadParameter.__base__

CONTROL_CODES = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
"""For `str.translate`: what a picture or a log could make a program write to take over the terminal."""


def say(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"semclip: {message.translate(CONTROL_CODES)}", err=True)


def source(image: str, *, at_most: int) -> str | bytes:
    """The path `image`, or what stdin holds where it is `-`: up to one byte more than the `at_most` admitted ones."""
    # The one byte more tells a picture that is too long, even one that never ends.
    return sys.stdin.buffer.read(at_most + 1) if image == "-" else image


@contextmanager
def progress_bar(label: str, *, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """What to call with (done, total); draws a bar on stderr where that is a terminal, and its speed in a `unit`."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    # stdout is data: rich would print it on its own console, which is stderr.
    columns = (*Progress.get_default_columns(), TextColumn("{task.fields[speed]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(label, speed="")

        def advance(done: int, total: int) -> None:
            speed = f"{bar.tasks[0].speed or 0:.1f} {unit}" if unit else ""
            bar.update(task, completed=done, total=total, speed=speed)

        yield advance
