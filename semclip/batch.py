"""Many questions from one log: one object out for each line in, and no line that stops the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from semclip import images
from semclip.errors import LogError, SemclipError
from semclip.images import Image, Limits
from semclip.logs import BadLine, Example, parse_lines

Reply = Callable[[Image, str], Mapping[str, Any]]
"""What is said of a picture and a question, ready for JSON."""

_OPEN_IMAGES = 2


def read_lines(source: str) -> list[bytes]:
    """The lines of the file called `source`, or of stdin where it is `-`; blank ones too, which keep numbers true.

    Raises: LogError where it cannot be read.
    """
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise LogError(f"a log needs to be a readable file, got {source}: {error}") from error
    return content.split(b"\n")


def answer(
    lines: Iterable[bytes | str], source: Path, reply: Reply, *, limits: Limits = Limits()
) -> Iterator[dict[str, Any]]:
    """One object for each line that is not blank, in order: the reply with the line's id and image, or an error.

    An error is `{"id", "error": {"type", "message"}}`. Image paths are relative to the folder of `source`, in the log
    as in the answers.
    """

    def load(path: Path) -> Image:
        return images.load(path, limits)

    # A log asks most of its questions on one image in a row; decoding it again for each would cost more than they do.
    kept = lru_cache(_OPEN_IMAGES)(load)
    for line in parse_lines(lines, source):
        if isinstance(line, BadLine):
            yield _failure(line.id, line.error)
        else:
            yield _answer(line, source.parent, reply, load=kept)


def _answer(example: Example, folder: Path, reply: Reply, *, load: Callable[[Path], Image]) -> dict[str, Any]:
    try:
        given = reply(load(example.image), example.question)
        return {"id": example.id, **given, "image": _relative(example.image, folder)}
    except SemclipError as error:
        return _failure(example.id, error)


def _relative(path: Path, folder: Path) -> str:
    return os.fspath(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _failure(line_id: str | int, error: SemclipError) -> dict[str, Any]:
    return {"id": line_id, "error": {"type": type(error).__name__, "message": str(error)}}
