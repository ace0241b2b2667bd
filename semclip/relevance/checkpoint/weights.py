"""What model.safetensors holds, read strictly: the library accepts names that come twice, and NaN.

Numpy only. The graphs beside the file point into it by byte offsets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semclip.errors import ModelError, reason
from semclip.relevance.checkpoint.config import unique

DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8")}
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor of the file: bytes `start` to `stop`, counted from the start of the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(path: Path) -> dict[str, Stored]:
    """Every tensor of the file by name, in the order of their bytes.

    Raises: ModelError unless names are unique, types known, and the tensors fill the file without gap or overlap.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if size < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, _LONGEST_HEADER):
                raise ValueError("no safetensors header")
            header = json.loads(file.read(length), object_pairs_hook=unique)
        return _tensors(header, _LENGTH_BYTES + length, size)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"a psi needs well-formed weights in {path}: {reason(error)}") from error


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of the file by name, as a view of the file.

    Raises: ModelError as `read_header`, and for a value that is not finite.
    """
    header = read_header(path)
    content = np.memmap(path, np.uint8, mode="r")
    arrays = {
        name: np.asarray(content[one.start : one.stop]).view(one.dtype).reshape(one.shape)
        for name, one in header.items()
    }
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ModelError(
                f"a psi needs finite weights in {path}, got NaN or infinity in {name}; fetch the file again"
            )
    return arrays


def _tensors(header: dict[str, Any], base: int, size: int) -> dict[str, Stored]:
    header.pop("__metadata__", None)
    tensors, start = {}, base
    for name, entry in sorted(header.items(), key=lambda pair: tuple(pair[1]["data_offsets"])):
        dtype, shape = DTYPES[entry["dtype"]], tuple(entry["shape"])
        if not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"{name} has the shape {shape}")
        stop = start + prod(shape) * dtype.itemsize
        if entry["data_offsets"] != [start - base, stop - base] or stop > size:
            raise ValueError(f"{name} is cut short, or not of its shape, or not in its place")
        tensors[name] = Stored(dtype, shape, start, stop)
        start = stop
    if start != size:
        raise ValueError(f"{size - start} bytes belong to no tensor")
    return tensors
