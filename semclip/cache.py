"""Regions kept for the next question: N questions on one image cost one encoding.

The key is what decides the features - pixels, encoder, proposer - and never a file's name or the question.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from semclip.errors import CacheError, SemclipError
from semclip.files import write_atomic
from semclip.geometry import Box, Size
from semclip.protocols import Proposer, Relevance
from semclip.types import Picture, Regions

_FORMAT = "semclip regions 1"
_BYTES_PER_BOX = 160
"""What a Box and its four numbers take in memory, about."""


class RegionCache(Protocol):
    """Where regions are kept. A cache may forget anything at any time, and never returns what was not put."""

    def get(self, key: str, /) -> Regions | None: ...

    def put(self, key: str, regions: Regions, /) -> None: ...


def region_key(picture: Picture, relevance: Relevance, proposer: Proposer, boxes: Sequence[Box]) -> str:
    """64 hex digits that name the regions of `picture` as these two make them; `boxes` are what the proposer gave."""
    # The boxes too: a proposer's name outlives a change of its defaults, and a folder outlives both.
    edges = [box.to_list() for box in boxes]
    parts = (_FORMAT, picture.digest, relevance.fingerprint, proposer.name, str(edges))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class MemoryCache:
    """The regions used last, up to `max_bytes` of features and boxes; safe to share between threads."""

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, Regions] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str, /) -> Regions | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, regions: Regions, /) -> None:
        with self._lock:
            if key in self._entries:
                self._bytes -= _bytes_of(self._entries.pop(key))
            self._entries[key] = regions
            self._bytes += _bytes_of(regions)
            while self._bytes > self._max_bytes:
                self._bytes -= _bytes_of(self._entries.popitem(last=False)[1])


def _bytes_of(regions: Regions) -> int:
    return regions.features.nbytes + _BYTES_PER_BOX * len(regions.boxes)


class DiskCache:
    """One safetensors file per image in a folder, shared by any number of processes.

    A damaged or foreign entry is a miss and is written anew. Nothing is ever deleted: the folder grows by the size of
    the features for every new image, and may be emptied at any time, also while in use.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(f"the cache needs a folder that can be made, got {folder}: {error}") from error

    def get(self, key: str, /) -> Regions | None:
        try:
            return _read(self._path(key), key)
        except (OSError, SafetensorError, SemclipError, ValueError, KeyError):
            return None

    def put(self, key: str, regions: Regions, /) -> None:
        try:
            write_atomic(self._path(key), _to_bytes(regions, key))
        except OSError as error:
            raise CacheError(f"the cache needs a folder that can be written, got {self._folder}: {error}") from error

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"


def _to_bytes(regions: Regions, key: str) -> bytes:
    boxes = np.array([box.to_list() for box in regions.boxes], np.int64).reshape(-1, 4)
    metadata = {"format": _FORMAT, "encoder": regions.encoder, "size": str(regions.size)}
    if regions.vlm_passes:
        metadata["vlm_passes"] = str(regions.vlm_passes)
    if regions.grid is not None:
        metadata["grid"] = str(regions.grid)
    features = np.ascontiguousarray(regions.features)
    return save({"boxes": boxes, "features": features}, metadata | {"check": _check(key, metadata, boxes, features)})


def _check(key: str, metadata: dict[str, str], *tensors: NDArray[Any]) -> str:
    """A hash of what an entry holds and of where it belongs: tells a flipped bit and a renamed file."""
    digest = hashlib.sha256("\0".join([key, *(f"{name}={metadata[name]}" for name in sorted(metadata))]).encode())
    for tensor in tensors:
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _read(path: Path, key: str) -> Regions:
    """The regions of `key` in the file at `path`.

    Raises: OSError, SafetensorError, SemclipError, ValueError or KeyError where it holds no sound regions.
    """
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        boxes, features = file.get_tensor("boxes"), file.get_tensor("features")
    if metadata.pop("check", None) != _check(key, metadata, boxes, features):
        raise ValueError("not what was put under this key")
    if metadata.get("format") != _FORMAT or boxes.dtype != np.int64 or boxes.shape[1:] != (4,):
        raise ValueError("not a file of this format")
    if features.dtype.kind != "f" or not np.isfinite(features).all():
        raise ValueError("features are not finite numbers")
    grid = _size(metadata["grid"]) if "grid" in metadata else None
    size, inside = _size(metadata["size"]), tuple(Box(*row) for row in boxes.tolist())
    if not all(box.within(size) for box in inside):
        raise ValueError("a box leaves the image")
    passes = int(metadata.get("vlm_passes", "0"))
    return Regions(size, inside, features, metadata["encoder"], grid, vlm_passes=passes)


def _size(text: str) -> Size:
    width, height = text.split("x")
    return Size(int(width), int(height))
