"""Writing files so that a reader sees the old content or the new, never a part.

Knows nothing of what is written.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Nothing; `path` then holds exactly `data`, whatever else is written there, killed or cut short meanwhile.

    The bytes go to a fresh name in the same folder, reach the disk, and replace `path` in one step; of several writers
    the last wins. An existing file keeps its place but not its permissions: the new one gets the process's default.
    Missing parent folders are made, links are followed, and what is no file (/dev/null, a pipe) is written into, not
    replaced. A killed process may leave a `.*.tmp` file behind, never a partial `path`.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not derived from the target's name, which may already be as long as the file system allows.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        # Not tempfile: its files are readable by their owner alone, and os.replace would keep them so.
        with open(os.open(temporary, _NEW_FILE, 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
