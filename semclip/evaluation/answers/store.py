"""Replies on disk, by what was asked: JSON lines that only ever grow. A killed run goes on where it was.

Knows nothing of who is asked, or of what is right.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from semclip.errors import InputError
from semclip.geometry import Box

_SYNC_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote, a text for each asking, and what one asking cost; `boxes` are the crops shown."""

    texts: tuple[str, ...]
    visual_tokens: int | None
    seconds: float
    vlm_passes: int
    boxes: tuple[Box, ...] = ()


@final
class Store:
    """The replies of a file, all in memory; what is put is on its way to the disk at once.

    A line that is torn or foreign is no reply, and its question is asked anew. Of two lines with one key the later
    counts. Close it, or use it in a `with` block.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._replies: dict[str, Reply] = {}
        self._synced_s = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+")
            self._file.seek(0)
            lines = self._file.read().splitlines(keepends=True)
        except OSError as error:
            raise _unusable(path, error) from error
        self._replies.update(filter(None, map(_read, lines)))
        self._torn = bool(lines) and not lines[-1].endswith(b"\n")

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        return key in self._replies

    def __getitem__(self, key: str) -> Reply:
        return self._replies[key]

    def put(self, replies: Iterable[tuple[str, Reply, Mapping[str, Any]]]) -> None:
        """Nothing; each key then has its reply. The mapping says, for readers of the file, whose reply it is.

        Raises: InputError where the file cannot be written.
        """
        lines = []
        for key, reply, about in replies:
            self._replies[key] = reply
            lines.append(json.dumps({"key": key, **about, **_plain(reply)}).encode() + b"\n")
        try:
            self._file.write((b"\n" if self._torn and lines else b"") + b"".join(lines))
            self._file.flush()
            if time.monotonic() - self._synced_s > _SYNC_EVERY_S:
                self._sync()
        except OSError as error:
            raise _unusable(self._path, error) from error
        self._torn = self._torn and not lines

    def close(self) -> None:
        """Nothing; all replies are then on the disk."""
        if self._file.closed:
            return
        try:
            self._sync()
            self._file.close()
        except OSError as error:
            raise _unusable(self._path, error) from error

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced_s = time.monotonic()


def _plain(reply: Reply) -> dict[str, Any]:
    return {
        "texts": list(reply.texts),
        "visual_tokens": reply.visual_tokens,
        "seconds": reply.seconds,
        "vlm_passes": reply.vlm_passes,
        "boxes": [box.to_list() for box in reply.boxes],
    }


def _read(line: bytes) -> tuple[str, Reply] | None:
    try:
        row = json.loads(line)
        texts, tokens = tuple(row["texts"]), row["visual_tokens"]
        boxes = tuple(Box(*edges) for edges in row["boxes"])
        reply = Reply(texts, tokens, float(row["seconds"]), int(row["vlm_passes"]), boxes)
        sound = texts and all(isinstance(text, str) for text in texts) and isinstance(tokens, int | None)
        return (str(row["key"]), reply) if sound else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(f"answers need a file that can be written, got {path}: {error.strerror or error}")
