"""One question put to an adapter in each of the four ways that the protocol has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from semclip.errors import TooManyPictures
from semclip.protocols import Adapter
from semclip.types import Decoding, Mixture, Prompt


def picture(seed: int, width: int = 40, height: int = 24) -> PILImage:
    """A smooth picture, so that JPEG keeps its colours, and a different one for each seed."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (2, 3, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def mixture(question: str = "What number?", *, pictures: int = 2) -> Mixture:
    return Mixture((Prompt((*(picture(seed) for seed in range(pictures)), question)),))


def by_complete(adapter: Adapter, asked: Mixture, decoding: Decoding) -> str:
    (given,) = adapter.complete([asked], decoding)
    if isinstance(given, TooManyPictures):
        raise given
    return given.text


def by_complete_async(adapter: Adapter, asked: Mixture, decoding: Decoding) -> str:
    return asyncio.run(adapter.complete_async(asked, decoding)).text


def by_stream(adapter: Adapter, asked: Mixture, decoding: Decoding) -> str:
    return "".join(adapter.stream(asked, decoding))


def by_stream_async(adapter: Adapter, asked: Mixture, decoding: Decoding) -> str:
    async def pieces() -> str:
        return "".join([piece async for piece in adapter.stream_async(asked, decoding)])

    return asyncio.run(pieces())


Way = Callable[[Adapter, Mixture, Decoding], str]
WHOLE: tuple[Way, ...] = (by_complete, by_complete_async)
STREAMED: tuple[Way, ...] = (by_stream, by_stream_async)
WAYS = (*WHOLE, *STREAMED)
