"""A reader from a Python callable that looks at one crop at a time."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from semclip.errors import InputError, reason
from semclip.geometry import Box
from semclip.mining.rewards import Query, Rewards
from semclip.types import Floats, Picture

RewardOf = Callable[[PILImage, str, tuple[str, ...]], float]
"""From the original pixels of a crop, the question and the log's answers to a reward from 0 to 1."""


@dataclass(frozen=True, slots=True)
class FunctionReader:
    """Calls `function` once for each box tried. `version` needs to change whenever what it returns does."""

    name: str
    function: RewardOf
    version: str = ""
    least_passes: int = 1

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256("\0".join(("function 1", self.name, self.version)).encode()).hexdigest()

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> Iterator[Rewards | InputError]:
        """Yield the rewards of the boxes tried; InputError for a row on which the function fails."""
        return (self._read(picture, query) for query in queries)

    def _read(self, picture: Picture, query: Query) -> Rewards | InputError:
        values: Floats = np.full(len(query.boxes), np.nan, np.float32)
        try:
            for index in query.tries:
                values[index] = self._reward(picture, query.boxes[index], query)
        except InputError as error:
            return error
        return Rewards(values, passes=len(query.tries))

    def _reward(self, picture: Picture, box: Box, query: Query) -> float:
        crop = Image.fromarray(picture.crop(box))
        try:
            reward = float(self.function(crop, query.example.question, query.example.answers))
        except Exception as error:  # whatever somebody else's function raises
            raise InputError(f"reader {self.name} failed ({reason(error)})") from error
        if not 0 <= reward <= 1:
            raise InputError(f"reader {self.name} needs to give a reward from 0 to 1, gave {reward}")
        return reward


def load(target: str) -> FunctionReader:
    """The reader that calls the function that `target`, "module:function", names; the module may lie where one stands.

    Its version is the hash of the module's file.

    Raises: InputError where there is no such function.
    """
    name = f"python:{target}"
    module_name, _, function_name = target.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        module = import_module(module_name)
        function = getattr(module, function_name)
        version = hashlib.sha256(Path(module.__file__ or "").read_bytes()).hexdigest()
    except Exception as error:  # a module may raise anything when it is imported
        raise InputError(f"a reader needs python:MODULE:FUNCTION, got {name} ({reason(error)})") from error
    if not callable(function):
        raise InputError(f"a reader needs python:MODULE:FUNCTION, got {name}, which is no function")
    return FunctionReader(name, function, version)
