"""The values of mining and its seam: a reader says what each crop is worth for a question.

Knows no model, file or process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from semclip.errors import InputError
from semclip.geometry import Box
from semclip.logs import Example
from semclip.types import Floats, Picture

POSITIVE = 0.5
"""A crop with at least this reward is a positive."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question of a log with the candidate boxes of its picture.

    `tries` are indices of `boxes`: those worth a pass of the reader, best first, no more than the row's budget.
    """

    example: Example
    boxes: tuple[Box, ...]
    tries: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rewards:
    """What the boxes of a query are worth.

    `values`: (n,) float32, one a box, 0 to 1, NaN where nothing is known. `passes`: how often the reader looks for
    this query where it is the only one; what it looks up costs nothing.
    """

    values: Floats
    passes: int


class Reader(Protocol):
    """Looks at crops in place of the model that is to be helped."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Hex hash of everything that decides the rewards: model, resolution, rule, version."""
        ...

    @property
    def least_passes(self) -> int:
        """What it needs for a row at least."""
        ...

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> Iterable[Rewards | InputError]:
        """One value for each of `queries`, which share `picture`, in order: rewards, or why there are none.

        What is said of one does not depend on the others, and is best yielded as soon as it is known: it is then kept.
        """
        ...
