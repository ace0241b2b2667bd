"""Where drawings go: files that the caller names."""

from __future__ import annotations

import os

from semclip.errors import InputError
from semclip.files import write_atomic


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Nothing; `path`, which the caller named, then holds `data`.

    Raises:
        InputError: it cannot be written.
    """
    try:
        write_atomic(path, data)
    except OSError as error:
        message = f"cannot write {os.fspath(path)}: {error.strerror or error}; name a file in a folder you may write to"
        raise InputError(message) from error
