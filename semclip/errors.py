"""Every exception that semclip raises on purpose.

SemclipError
├── InputError(ValueError)            the caller passed something unusable
│   ├── GeometryError                 a box or a size that cannot exist, or does not fit the image
│   ├── ImageError                    bytes that are no readable picture
│   │   └── ImageLimitError           a picture larger, longer or slower than the limits allow
│   └── LogError                      a malformed line of a VQA log
├── ModelError(RuntimeError)          weights that are missing, malformed, or give unusable numbers
├── CacheError(OSError)               a cache folder that cannot be used
└── MissingExtra(ImportError)         an optional dependency that is not installed

Each is one line that says what was needed, what was given and what to do.
"""


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


class CacheError(SemclipError, OSError):
    """A cache folder that cannot be used."""


class MissingExtra(SemclipError, ImportError):
    """An optional dependency that is not installed.

    >>> print(MissingExtra("open_clip", extra="torch"))
    open_clip is not installed; run: pip install "semclip[torch]"
    """

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(f'{package} is not installed; run: pip install "semclip[{extra}]"')
