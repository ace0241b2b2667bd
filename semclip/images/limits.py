"""How much a picture may ask of this process before it is refused, and the clock that holds it to its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from PIL.Image import DecompressionBombError

from semclip.errors import ImageError, ImageLimitError, InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one picture may hold; every limit is inclusive.

    The defaults admit what 64-megapixel phones take and keep a full decode within some 512 MB. A larger photo is
    admitted by asking: `Limits(pixels=200_000_000)`.
    """

    pixels: int = 64 << 20
    side_px: int = 65_535
    encoded_bytes: int = 256 << 20
    metadata_bytes: int = 16 << 20
    """Profiles, EXIF, comments and the like, as stored."""
    metadata_items: int = 4096
    """Segments, chunks, blocks or tags that are no pixels."""
    scans: int = 100
    """Passes of a progressive JPEG; each costs a walk over the whole image, and cameras write about ten."""
    frames: int = 1000
    """Frames or pages in the file, though only the first is decoded."""
    decode_s: float = 4.0
    """Processor time of the decoding thread, for one decode."""

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if limit <= 0:
                raise InputError(f"a limit needs to be positive, got {name}={limit}")

    def check(self, name: str, given: float) -> None:
        """Let `given` pass, or raise.

        Raises:
            ImageLimitError: more is given than the limit of that name admits.
        """
        limit = getattr(self, name)
        if given > limit:
            raise ImageLimitError(f"at most {limit} {name} are admitted, got {given}; Limits({name}=...) admits more")

    def check_size(self, width: int, height: int) -> None:
        """Let a picture of this size pass, or raise.

        Raises:
            ImageLimitError: it is too large.
        """
        self.check("side_px", max(width, height))
        self.check("pixels", width * height)


@dataclass(slots=True)
class Tally:
    """What one picture has cost so far."""

    limits: Limits
    items: int = 0
    metadata_bytes: int = 0
    frames: int = 0
    started_s: float = field(default_factory=time.thread_time)

    def tick(self) -> None:
        """Raise ImageLimitError when the picture has had its time."""
        # Processor time, so that a picture's fate does not hang on what else the machine does.
        if time.thread_time() - self.started_s > self.limits.decode_s:
            raise ImageLimitError(
                f"decoding took longer than {self.limits.decode_s} s; Limits(decode_s=...) admits more"
            )

    def add_metadata(self, size: int) -> None:
        """Count one item of `size` bytes, or raise ImageLimitError."""
        self.items += 1
        self.metadata_bytes += size
        self.limits.check("metadata_items", self.items)
        self.limits.check("metadata_bytes", self.metadata_bytes)

    def add_frame(self) -> None:
        """Count one frame or page, or raise ImageLimitError."""
        self.frames += 1
        self.limits.check("frames", self.frames)


@contextmanager
def errors_named(source: str) -> Iterator[None]:
    """The edge of the decoder: whatever comes out is an ImageError of one line that names `source`."""
    try:
        yield
    except ImageError as error:
        raise type(error)(f"{source}: {error}") from error
    except (DecompressionBombError, MemoryError) as error:
        raise ImageLimitError(f"{source}: this picture needs too much memory ({_one_line(error)})") from error
    except Exception as error:  # Pillow lets out SyntaxError, struct.error, IndexError and more
        raise ImageError(f"{source}: unreadable picture ({type(error).__name__}: {_one_line(error)})") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "no reason given"
