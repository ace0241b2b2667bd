"""Small implementations of the protocols, so that tests patch nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as PILImage

from semclip.geometry import Box, Size
from semclip.protocols import Picture
from semclip.types import Floats, Pixels, Regions


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
