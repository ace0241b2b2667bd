"""How much faster `Image.crops` prepares 85 windows of a 12-megapixel photo than a loop of crop and resize.

    python -m benchmarks.prepare

The picture is rendered. Both sides start from decoded pixels; the loop is PIL's own crop and bicubic resize.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image as pillow
from PIL.Image import Image as PILImage
from PIL.Image import Resampling

from semclip.geometry import Box, Size
from semclip.images import load
from semclip.types import Pixels

PHOTO = Size(4000, 3000)
SIDE = 224
CROPS = 85
REPEATS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds of either side, and how far apart their pixels are, of 255."""

    loop_s: float
    shared_s: float
    mean_error: float

    def __str__(self) -> str:
        ratio = self.loop_s / self.shared_s
        times = f"loop {self.loop_s * 1e3:.0f} ms, shared {self.shared_s * 1e3:.0f} ms"
        return f"{ratio:.1f}x ({times}), mean error {self.mean_error:.3f}/255"


def photo(size: Size, seed: int = 0) -> PILImage:
    """Noise of every scale, falling off as photos do, with hard-edged rectangles on top."""
    noise = np.random.default_rng(seed)
    canvas = np.zeros((size.height, size.width, 3), np.float32)
    octave, strength = 8, 64.0
    while octave < size.width:
        coarse = pillow.fromarray(noise.integers(0, 256, (octave * 3 // 4, octave, 3), np.uint8))
        layer = coarse.resize((size.width, size.height), Resampling.BICUBIC)
        canvas += (np.asarray(layer, np.float32) - 127.5) * (strength / 127.5)
        octave, strength = octave * 2, strength / 1.8
    for _ in range(200):
        x, y = noise.integers(0, size.width - 200), noise.integers(0, size.height - 200)
        width, height = noise.integers(5, 200, 2)
        canvas[y : y + height, x : x + width] += noise.uniform(-60, 60, 3)
    return pillow.fromarray(np.clip(canvas + 127.5, 0, 255).astype(np.uint8))


def windows(size: Size, count: int) -> list[Box]:
    """The whole, then squares of 1/2, 1/3, 1/4 ... of the short side at half-window steps; the first `count`."""
    boxes, part = [size.box], 2
    while len(boxes) < count:
        side = min(size.width, size.height) // part
        boxes += [Box(x, y, x + side, y + side) for y in starts(size.height, side) for x in starts(size.width, side)]
        part += 1
    return boxes[:count]


def starts(length: int, side: int) -> list[int]:
    """Offsets half a window apart; the last window ends at the edge."""
    return [*range(0, length - side, side // 2), length - side]


def quadtree(size: Size) -> list[Box]:
    """1 + 4 + 16 + 64 = 85 tiles that share no pixel within a scale: the least that a shared level can save."""
    return [
        Box(x * size.width // n, y * size.height // n, (x + 1) * size.width // n, (y + 1) * size.height // n)
        for n in (1, 2, 4, 8)
        for y in range(n)
        for x in range(n)
    ]


def loop(picture: PILImage, boxes: list[Box]) -> Pixels:
    """What everyone writes first."""
    return np.stack(
        [
            np.asarray(
                picture.crop((box.left, box.top, box.right, box.bottom)).resize((SIDE, SIDE), Resampling.BICUBIC)
            )
            for box in boxes
        ]
    )


def compare(picture: PILImage, boxes: list[Box]) -> Outcome:
    """Both sides, the fastest of REPEATS each, in turn; a fresh Image every time, so that no level is left over."""
    size = Size(SIDE, SIDE)
    slow, fast = [], []
    for _ in range(REPEATS):
        reference, seconds = timed(partial(loop, picture, boxes))
        slow.append(seconds)
        image = load(picture)
        crops, seconds = timed(partial(image.crops, boxes, size))
        fast.append(seconds)
    error = float(np.abs(crops.astype(np.int16) - reference).mean())
    return Outcome(min(slow), min(fast), error)


def timed(call: Callable[[], Pixels]) -> tuple[Pixels, float]:
    """What `call` gives, and its seconds."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def main() -> None:
    """Print one line per set of windows."""
    picture = photo(PHOTO)
    for name, boxes in (("half-step windows", windows(PHOTO, CROPS)), ("quadtree tiles", quadtree(PHOTO))):
        sys.stdout.write(f"{len(boxes)} crops, {name}: {compare(picture, boxes)}\n")


if __name__ == "__main__":
    main()
