"""Small implementations of the protocols, so that tests patch nothing."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as PILImage
from PIL.Image import Image as PILPicture

from semclip.errors import InputError, TooManyPictures
from semclip.geometry import Box, Size
from semclip.types import Completion, Decoding, Floats, Mixture, Picture, Pixels, Regions, Style


@dataclass(frozen=True, eq=False)
class ArrayPicture:
    """A picture that is an array."""

    pixels: Pixels

    @property
    def size(self) -> Size:
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()

    def resized(self, size: Size, /) -> Pixels:
        return np.asarray(PILImage.fromarray(self.pixels).resize((size.width, size.height)))

    def crop(self, box: Box, /) -> Pixels:
        return self.pixels[box.top : box.bottom, box.left : box.right]

    def crops(self, boxes: Sequence[Box], size: Size, /) -> Pixels:
        return np.stack([ArrayPicture(self.crop(box)).resized(size) for box in boxes])


@dataclass(frozen=True)
class ColorRelevance:
    """Knows three words: the share of red, green or blue in a box, by its mean color. Counts its encodings."""

    name: str = "color"
    fingerprint: str = "c0105"
    encoded: list[str] = field(default_factory=list, compare=False)

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        self.encoded.append(image.digest)
        means = np.array([image.crop(box).mean((0, 1)) for box in boxes], np.float32)
        return Regions(image.size, tuple(boxes), means / 255, self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        wanted = np.array([word in question for word in ("red", "green", "blue")], np.float32)
        scores: Floats = regions.features @ (wanted - wanted.mean())
        return scores


def spotted(size: Size, spots: dict[Box, tuple[int, int, int]]) -> Pixels:
    """A grey picture with boxes of plain color."""
    pixels = np.full((size.height, size.width, 3), 128, np.uint8)
    for box, color in spots.items():
        pixels[box.top : box.bottom, box.left : box.right] = color
    return pixels


def sizes(pictures: Sequence[PILPicture]) -> str:
    return " ".join(f"{picture.width}x{picture.height}" for picture in pictures)


@dataclass(frozen=True)
class ScriptedVLM:
    """Says of what it is shown the sizes, or what `says` makes of it; admits `limit` pictures of up to `widest` pixels.

    Keeps what it was asked, and the questions whose stream was closed before its end.
    """

    name: str = "scripted"
    style: Style = Style()
    limit: int = 9
    tokens_per_picture: int | None = 100
    widest: int = 10_000
    says: Callable[[Sequence[PILPicture]], str] = sizes
    asked: list[Mixture] = field(default_factory=list, compare=False)
    closed: list[str] = field(default_factory=list, compare=False)

    def visual_tokens(self, sizes: Sequence[Size], /, *, tiling: bool) -> int | None:
        if max(size.width for size in sizes) > self.widest:
            raise InputError(f"a picture is at most {self.widest} wide")
        return None if self.tokens_per_picture is None else self.tokens_per_picture * len(sizes) * (5 if tiling else 1)

    def complete(self, mixtures: Sequence[Mixture], decoding: Decoding, /) -> tuple[Completion | TooManyPictures, ...]:
        return tuple(self._completion(mixture, decoding) for mixture in mixtures)

    async def complete_async(self, mixture: Mixture, decoding: Decoding, /) -> Completion:
        return Completion("".join(self.stream(mixture, decoding)))

    def stream(self, mixture: Mixture, decoding: Decoding, /) -> Generator[str, None, None]:
        completion = self._completion(mixture, decoding)
        if isinstance(completion, TooManyPictures):
            raise completion
        try:
            yield from completion.text.partition(" ")
        except GeneratorExit:
            self.closed.append(str(mixture.prompts[0].parts[-1]))
            raise

    async def stream_async(self, mixture: Mixture, decoding: Decoding, /) -> AsyncGenerator[str, None]:
        with closing(self.stream(mixture, decoding)) as pieces:
            for piece in pieces:
                yield piece

    def _completion(self, mixture: Mixture, decoding: Decoding) -> Completion | TooManyPictures:
        self.asked.append(mixture)
        pictures = [picture for prompt in mixture.prompts for picture in prompt.pictures]
        if len(pictures) > self.limit:
            return TooManyPictures(f"at most {self.limit} pictures", status=400, limit=self.limit)
        return Completion(self.says(pictures)[: decoding.max_tokens], completion_tokens=len(pictures))
