"""The readers that can be named on a command line. Python callers need no table: they pass objects."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any, Literal

from semclip.errors import InputError
from semclip.mining.rewards import Reader

__all__ = ["TABLE", "Entry", "find_entry", "load_reader"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a reader is made ("module:function", imported on use) and what it is, in one line.

    `needs`: what a row must have. `looks`: whether it takes passes; one that takes none is given all boxes. `gpu`:
    whether it is of use to give it one.
    """

    target: str
    about: str
    needs: Literal["answers", "evidence"] = "answers"
    looks: bool = True
    gpu: bool = False


TABLE = {
    "boxes": Entry("semclip.mining.readers.boxes:load", "the log's evidence boxes; no pass", "evidence", looks=False),
    "ocr": Entry("semclip.mining.readers.ocr:load", "Tesseract: whether the answer can be read in a crop"),
    "python:": Entry("semclip.mining.readers.function:load", "a function: python:MODULE:FUNCTION"),
    "server:": Entry("semclip.mining.readers.vlm:connect", "a model behind a server: server:URL#MODEL"),
    "vlm:": Entry("semclip.mining.readers.vlm:load", "a model in memory: vlm:DIR or a hub id", gpu=True),
}
"""A name that ends in a colon takes what follows the colon as its argument."""


def find_entry(name: str) -> Entry:
    """The entry of `TABLE` for the reader called `name`. Raises: InputError where there is none."""
    head, colon, argument = name.partition(":")
    entry = TABLE.get(head + colon)
    if entry is None or (colon and not argument):
        raise InputError(f"reader needs one of {', '.join(TABLE)}; got {name!r}")
    return entry


def load_reader(name: str, **options: Any) -> Reader:
    """The reader called `name`, made with `options`.

    Raises: InputError where no such reader or option exists; MissingExtra or ModelError where it cannot be loaded.
    """
    module, function = find_entry(name).target.split(":")
    make = getattr(import_module(module), function)
    _, colon, argument = name.partition(":")
    unknown = options.keys() - signature(make).parameters.keys()
    if unknown:
        words = ", ".join(f"--{option.replace('_', '-')}" for option in sorted(unknown))
        raise InputError(f"reader {name} takes no {words}")
    reader: Reader = make(argument, **options) if colon else make(**options)
    return reader
