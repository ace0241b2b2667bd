"""What comes back from a wrapped model: an answer, or a stream of its pieces."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from semclip.selection import Selection
from semclip.types import Scored, Usage


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote, what it was shown, and what that cost.

    `shown` are the crops it really saw, best first; where they are fewer than `selection.chosen`, `notes` says why.
    """

    text: str
    selection: Selection
    shown: tuple[Scored, ...]
    usage: Usage
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Everything but pixels, ready for JSON."""
        return {
            "text": self.text,
            "selection": self.selection.to_dict(),
            "crops_shown": len(self.shown),
            "usage": asdict(self.usage) | {"crop_tokens": self.usage.crop_tokens},
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer as the model writes it: iterate it once for the pieces of text. The rest is known beforehand.

    To end the work early, close `pieces`.
    """

    pieces: Generator[str, None, None]
    selection: Selection
    shown: tuple[Scored, ...]
    usage: Usage
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        return self.pieces


@dataclass(frozen=True, slots=True)
class AsyncStream:
    """As `Stream`, for `async for`."""

    pieces: AsyncGenerator[str, None]
    selection: Selection
    shown: tuple[Scored, ...]
    usage: Usage
    notes: tuple[str, ...]

    def __aiter__(self) -> AsyncIterator[str]:
        return self.pieces
