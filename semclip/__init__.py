"""semclip gives any frozen vision-language model a magnifying glass.

The public names live in their modules and are imported on first use, so `import semclip` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semclip.adapters.fusion import Showing as Showing
    from semclip.adapters.server import ServerOptions as ServerOptions
    from semclip.cache import DiskCache as DiskCache
    from semclip.cache import MemoryCache as MemoryCache
    from semclip.errors import CacheError as CacheError
    from semclip.errors import GeometryError as GeometryError
    from semclip.errors import ImageError as ImageError
    from semclip.errors import ImageLimitError as ImageLimitError
    from semclip.errors import InputError as InputError
    from semclip.errors import LogError as LogError
    from semclip.errors import MalformedAnswer as MalformedAnswer
    from semclip.errors import MissingExtra as MissingExtra
    from semclip.errors import ModelError as ModelError
    from semclip.errors import OutOfMemory as OutOfMemory
    from semclip.errors import SemclipError as SemclipError
    from semclip.errors import ServerError as ServerError
    from semclip.errors import ServerRefusal as ServerRefusal
    from semclip.errors import ServerTimeout as ServerTimeout
    from semclip.errors import ServerUnreachable as ServerUnreachable
    from semclip.errors import TooManyPictures as TooManyPictures
    from semclip.errors import UnknownModel as UnknownModel
    from semclip.geometry import Box as Box
    from semclip.geometry import Size as Size
    from semclip.images import Limits as Limits
    from semclip.pipeline import SemClip as SemClip
    from semclip.prompts import Wording as Wording
    from semclip.proposals import grid as grid
    from semclip.proposals import pyramid as pyramid
    from semclip.protocols import Adapter as Adapter
    from semclip.protocols import Proposer as Proposer
    from semclip.protocols import Relevance as Relevance
    from semclip.relevance.table import load_relevance as load_relevance
    from semclip.selection import Choice as Choice
    from semclip.selection import Gate as Gate
    from semclip.selection import Selection as Selection
    from semclip.types import Completion as Completion
    from semclip.types import Decoding as Decoding
    from semclip.types import Mixture as Mixture
    from semclip.types import Picture as Picture
    from semclip.types import Prompt as Prompt
    from semclip.types import Regions as Regions
    from semclip.types import Scored as Scored
    from semclip.types import Style as Style
    from semclip.types import Usage as Usage
    from semclip.vlm import VLM as VLM
    from semclip.vlm import Answer as Answer
    from semclip.vlm import AsyncStream as AsyncStream
    from semclip.vlm import Stream as Stream
    from semclip.vlm import connect as connect
    from semclip.vlm import load as load
    from semclip.vlm import wrap as wrap

__version__ = "0.1.0"

_HOMES = {
    "Adapter": "protocols",
    "Answer": "vlm",
    "AsyncStream": "vlm",
    "Box": "geometry",
    "CacheError": "errors",
    "Choice": "selection",
    "Completion": "types",
    "Decoding": "types",
    "DiskCache": "cache",
    "Gate": "selection",
    "GeometryError": "errors",
    "ImageError": "errors",
    "ImageLimitError": "errors",
    "InputError": "errors",
    "Limits": "images",
    "LogError": "errors",
    "MalformedAnswer": "errors",
    "MemoryCache": "cache",
    "MissingExtra": "errors",
    "Mixture": "types",
    "ModelError": "errors",
    "OutOfMemory": "errors",
    "Picture": "types",
    "Prompt": "types",
    "Proposer": "protocols",
    "Regions": "types",
    "Relevance": "protocols",
    "Scored": "types",
    "Selection": "selection",
    "SemClip": "pipeline",
    "SemclipError": "errors",
    "ServerError": "errors",
    "ServerOptions": "adapters.server",
    "ServerRefusal": "errors",
    "ServerTimeout": "errors",
    "ServerUnreachable": "errors",
    "Showing": "adapters.fusion",
    "Size": "geometry",
    "Stream": "vlm",
    "Style": "types",
    "TooManyPictures": "errors",
    "UnknownModel": "errors",
    "Usage": "types",
    "VLM": "vlm",
    "Wording": "prompts",
    "connect": "vlm",
    "grid": "proposals",
    "load": "vlm",
    "load_relevance": "relevance.table",
    "pyramid": "proposals",
    "wrap": "vlm",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'semclip' has no attribute {name!r}")
    return getattr(import_module(f"semclip.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
