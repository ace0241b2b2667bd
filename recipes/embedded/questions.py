"""Wordings: how people ask for a thing, for text, for a plate or for a field of a document.

The sets ask in a handful of fixed phrases; a ψ that learns those phrases learns nothing of language. Every training
question is therefore put in a random wording of its kind (wordings.toml): what is asked for must decide, not how.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from random import Random

_WORDINGS = tomllib.loads(Path(__file__).with_name("wordings.toml").read_text(encoding="utf-8"))
SUFFIXED = 0.15
"""How often words about the answer follow a question."""
FIELDS: dict[str, list[str]] = _WORDINGS["fields"]


def ask_thing(name: str, rng: Random) -> str:
    """A question, a command or a bare phrase about a thing."""
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return _any("thing", rng).format(x=name, a=article)


def ask_pair(name: str, other: str, rng: Random) -> str:
    """A question about two things."""
    return _any("pair", rng).format(x=name, y=other)


def ask_text(rng: Random) -> str:
    """A question about any text."""
    return _any("text", rng)


def ask_plate(rng: Random) -> str:
    """A question about a number plate."""
    return _any("plate", rng)


def ask_field(field: str, rng: Random) -> str:
    """A question about a field of a receipt; `field` is a key of FIELDS."""
    return _any("document", rng).format(x=rng.choice(FIELDS[field]))


def field_of(question: str) -> str | None:
    """The document field that a log's question asks for, or None.

    >>> field_of("What is the total amount in the invoice shown in the picture?")
    'total amount'
    """
    found = re.match(r"What is the (.+?) in the invoice", question)
    return found[1] if found and found[1] in FIELDS else None


def framed(question: str, rng: Random) -> str:
    """The question, sometimes with what benchmarks and people add to it."""
    return question + _any("suffix", rng) if rng.random() < SUFFIXED else question


def _any(kind: str, rng: Random) -> str:
    wordings: list[str] = _WORDINGS[kind]
    return rng.choice(wordings)
