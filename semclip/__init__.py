"""semclip gives any frozen vision-language model a magnifying glass.

The public names live in their modules and are imported on first use, so `import semclip` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semclip.cache import DiskCache as DiskCache
    from semclip.cache import MemoryCache as MemoryCache
    from semclip.errors import CacheError as CacheError
    from semclip.errors import GeometryError as GeometryError
    from semclip.errors import ImageError as ImageError
    from semclip.errors import ImageLimitError as ImageLimitError
    from semclip.errors import InputError as InputError
    from semclip.errors import LogError as LogError
    from semclip.errors import MissingExtra as MissingExtra
    from semclip.errors import ModelError as ModelError
    from semclip.errors import SemclipError as SemclipError
    from semclip.geometry import Box as Box
    from semclip.geometry import Size as Size
    from semclip.images import Limits as Limits
    from semclip.pipeline import SemClip as SemClip
    from semclip.proposals import grid as grid
    from semclip.proposals import pyramid as pyramid
    from semclip.protocols import Proposer as Proposer
    from semclip.protocols import Relevance as Relevance
    from semclip.relevance.table import load_relevance as load_relevance
    from semclip.selection import Choice as Choice
    from semclip.selection import Selection as Selection
    from semclip.types import Prompt as Prompt
    from semclip.types import Regions as Regions
    from semclip.types import Scored as Scored

__version__ = "0.1.0"

_HOMES = {
    "Box": "geometry",
    "CacheError": "errors",
    "Choice": "selection",
    "DiskCache": "cache",
    "GeometryError": "errors",
    "ImageError": "errors",
    "ImageLimitError": "errors",
    "InputError": "errors",
    "Limits": "images",
    "LogError": "errors",
    "MemoryCache": "cache",
    "MissingExtra": "errors",
    "ModelError": "errors",
    "Prompt": "types",
    "Proposer": "protocols",
    "Regions": "types",
    "Relevance": "protocols",
    "Scored": "types",
    "Selection": "selection",
    "SemClip": "pipeline",
    "SemclipError": "errors",
    "Size": "geometry",
    "grid": "proposals",
    "load_relevance": "relevance.table",
    "pyramid": "proposals",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'semclip' has no attribute {name!r}")
    return getattr(import_module(f"semclip.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
