"""The ψ that ships with semclip: a small dual encoder on ONNX Runtime, no torch.

One dense pass over the image gives a unit feature for every cell of 8x8 network pixels; a question is one short pass
over static word vectors. The heat of a cell is the scaled dot product of the two, and a box is scored by the evidence
it holds against its size. Made by recipes/embedded; the model card is weights/README.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.relevance.dense import box_scores
from semclip.types import Floats, Picture, Regions

WEIGHTS = Path(__file__).parent / "weights"
FILES = ("image.onnx", "text.onnx", "tokenizer.json", "config.json")
ALIGN_PX = 32
"""The network's coarsest stride: its input's sides are multiples of it."""


@dataclass(frozen=True, slots=True)
class Config:
    """What config.json holds.

    `area_px`: pixels of the network's input. `sharpness`, `size_weight`: see dense.box_scores.
    """

    stride: int
    area_px: int
    most_tokens: int
    sharpness: float
    size_weight: float

    def __post_init__(self) -> None:
        counts, weights = (self.stride, self.area_px, self.most_tokens), (self.sharpness, self.size_weight)
        whole = all(type(count) is int and count >= 1 for count in counts)
        if not whole or not all(0 <= weight < math.inf for weight in weights):
            raise ModelError(f"psi embedded needs whole numbers >= 1 and finite weights >= 0, got {self}")


@dataclass(frozen=True)
class Embedded:
    """A folder with the two graphs, the tokenizer and the configuration; each is loaded when it is first needed."""

    folder: Path
    config: Config
    fingerprint: str
    name: str = "embedded"

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One dense pass over the image, whatever the number of boxes; features are float16."""
        pixels = image.resized(input_size(image.size, self.config.area_px))
        (features,) = _run(self._image, {"pixels": pixels})
        height, width = (side // self.config.stride for side in pixels.shape[:2])
        return Regions(image.size, tuple(boxes), features, self.fingerprint, Size(width, height))

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) see dense.box_scores; scores of one question compare across boxes and images."""
        if regions.encoder != self.fingerprint:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        heat, config = self.heat(question, regions), self.config
        return box_scores(heat, regions.boxes, regions.size, sharpness=config.sharpness, size_weight=config.size_weight)

    def heat(self, question: str, regions: Regions) -> Floats:
        """(grid.height, grid.width) logits that a cell shows what the question asks for."""
        if regions.grid is None:
            raise InputError("a heat map needs dense regions, got one row per box")
        # A question from a command line may hold lone surrogates, which the tokenizer refuses.
        text = question.encode(errors="replace").decode()
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids[: self.config.most_tokens]
        if not ids:
            raise InputError(f"a question needs at least one word, got {question!r}")
        query, _ = _run(self._text, {"ids": np.array([ids], np.int64)})
        logits: Floats = regions.features.astype(np.float32) @ query
        return logits.reshape(regions.grid.height, regions.grid.width)

    @cached_property
    def _image(self) -> ort.InferenceSession:
        return _session(self.folder / "image.onnx")

    @cached_property
    def _text(self) -> ort.InferenceSession:
        return _session(self.folder / "text.onnx")

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        try:
            tokenizer: Tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"psi embedded needs a readable tokenizer.json in {self.folder}: {error}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def load(folder: Path = WEIGHTS) -> Embedded:
    """The ψ in `folder`: the one that ships with semclip, or another of the same make.

    Raises: ModelError where a file is missing or the configuration is malformed.
    """
    try:
        contents = {file: (folder / file).read_bytes() for file in FILES}
        config = Config(**json.loads(contents["config.json"]))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"psi embedded needs {', '.join(FILES)} in {folder}: {error}") from error
    digest = hashlib.blake2b(digest_size=16)
    for content in contents.values():
        digest.update(content)
    return Embedded(folder, config, digest.hexdigest())


def input_size(size: Size, area_px: int) -> Size:
    """The network's input for an image of `size`: about `area_px` pixels of the same shape, sides multiples of 32.

    >>> input_size(Size(4000, 3000), 500_000)
    Size(width=832, height=608)
    """
    scale = (area_px / size.area) ** 0.5
    longest = area_px // ALIGN_PX // ALIGN_PX * ALIGN_PX
    width, height = (
        min(longest, max(ALIGN_PX, round(side * scale / ALIGN_PX) * ALIGN_PX)) for side in (size.width, size.height)
    )
    return Size(width, height)


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class but this
        raise ModelError(f"psi embedded needs a readable {path.name} in {path.parent}: {error}") from error


def _run(session: ort.InferenceSession, inputs: dict[str, Any]) -> list[Any]:
    try:
        outputs: list[Any] = session.run(None, inputs)
    except Exception as error:
        raise ModelError(f"psi embedded could not run its network: {error}") from error
    if not all(np.isfinite(output).all() for output in outputs):
        raise ModelError("psi embedded gave features that are not finite")
    return outputs
