"""Every exception that semclip raises on purpose.

SemclipError
├── InputError(ValueError)            the caller passed something unusable
│   ├── GeometryError                 a box or a size that cannot exist, or does not fit the image
│   ├── ImageError                    bytes that are no readable picture
│   │   └── ImageLimitError           a picture larger, longer or slower than the limits allow
│   └── LogError                      a malformed line of a VQA log
├── ModelError(RuntimeError)          weights that are missing, malformed, or give unusable numbers
│   └── OutOfMemory(MemoryError)      a model and its prompt that do not fit the device together
├── ServerError(RuntimeError)         a model server that did not answer as it should
│   ├── ServerUnreachable(ConnectionError)  no connection, after retries
│   ├── ServerTimeout(TimeoutError)   a silence longer than the time allowed
│   ├── ServerRefusal                 an HTTP status of 400 or above
│   │   ├── UnknownModel              the server has no model of that name
│   │   └── TooManyPictures           the server admits fewer pictures a prompt
│   └── MalformedAnswer               an answer that is cut off or no chat completion
├── CacheError(OSError)               a cache folder that cannot be used
└── MissingExtra(ImportError)         an optional dependency that is not installed

Each is one line that says what was needed, what was given and what to do. What other libraries raise is translated
where they are called; `reason` and `loading` are how.
"""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_REASON = 300


class SemclipError(Exception):
    """The root: catch this to catch everything semclip raises on purpose."""


class InputError(SemclipError, ValueError):
    """The caller passed something unusable."""


class GeometryError(InputError):
    """A box or a size that cannot exist, or does not fit the image."""


class ImageError(InputError):
    """Bytes that are no readable picture."""


class ImageLimitError(ImageError):
    """A picture larger, longer or slower to decode than the limits allow."""


class LogError(InputError):
    """A malformed line of a VQA log."""


class ModelError(SemclipError, RuntimeError):
    """Weights that are missing, malformed, or give unusable numbers."""


class OutOfMemory(ModelError, MemoryError):
    """A model and its prompt that do not fit the device together."""


class ServerError(SemclipError, RuntimeError):
    """A model server that did not answer as it should."""


class ServerUnreachable(ServerError, ConnectionError):
    """No connection to the server, after retries."""


class ServerTimeout(ServerError, TimeoutError):
    """The server was silent for longer than the time allowed; an answer that keeps coming is waited for."""


class ServerRefusal(ServerError):
    """An HTTP `status` of 400 or above."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class UnknownModel(ServerRefusal):
    """The server has no model of that name."""


class TooManyPictures(ServerRefusal):
    """The server admits at most `limit` pictures a prompt."""

    def __init__(self, message: str, *, status: int, limit: int) -> None:
        super().__init__(message, status=status)
        self.limit = limit


class MalformedAnswer(ServerError):
    """An answer that is cut off or no chat completion."""


class CacheError(SemclipError, OSError):
    """A cache folder that cannot be used."""


class MissingExtra(SemclipError, ImportError):
    """An optional dependency that is not installed.

    >>> print(MissingExtra("open_clip", extra="torch"))
    open_clip is not installed; run: pip install "semclip[torch]"
    """

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(f'{package} is not installed; run: pip install "semclip[{extra}]"')


def reason(error: BaseException) -> str:
    r"""What a foreign exception says, as part of one line of ours: its class and its words, shortened.

    >>> reason(ValueError("no such\nlayer"))
    'ValueError: no such layer'
    """
    return textwrap.shorten(f"{type(error).__name__}: {error}", _LONGEST_REASON)


@contextmanager
def loading(name: str, *, check: str = "name, folder and network") -> Iterator[None]:
    """A block in which whatever a library raises while it loads `name` becomes one line of ModelError."""
    try:
        yield
    except SemclipError:
        raise
    # Hubs, archives, JSON, safetensors and constructors of models share no narrower base class.
    except Exception as error:
        raise ModelError(f"{name} could not be loaded ({reason(error)}); check {check}") from error
