"""Any model behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, OpenAI.

Needs the extra `openai`, which is not imported before a server is asked for. The server's model cannot be told not to
tile, and its visual tokens are known only where its family is named.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, final

from semclip.adapters.families import GENERIC, PUBLISHED
from semclip.adapters.server.format import EventReader, read_answer, request
from semclip.errors import InputError, TooManyPictures
from semclip.geometry import Size
from semclip.prompts import PictureFormat
from semclip.types import Completion, Decoding, Mixture, Prompt, Style

if TYPE_CHECKING:
    from semclip.adapters.server.connection import Connection

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is asked.

    `timeout_s`: its longest silence. `connect_retries`: how often a request goes out again that the server cannot have
    begun to answer, after `backoff_s`, doubled each time, where there was no connection, and after the server's own
    Retry-After, up to `longest_wait_s`, where it answered 429 or 503. `concurrency`: requests at a time in `complete`.
    `family`: a name of `families.PUBLISHED`, to count visual tokens by; `style` is that family's unless given.
    `picture_format`: JPEG is far smaller, PNG loses nothing; llama.cpp reads both and no WebP.
    """

    timeout_s: float = 300.0
    connect_retries: int = 3
    concurrency: int = 4
    style: Style | None = None
    family: str | None = None
    picture_format: PictureFormat = "jpeg"
    backoff_s: float = 0.5
    longest_wait_s: float = 30.0

    def __post_init__(self) -> None:
        for name in ("timeout_s", "backoff_s", "longest_wait_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} needs to be above 0 and finite, got {getattr(self, name)}")
        for name, least in (("connect_retries", 0), ("concurrency", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} needs to be at least {least}, got {getattr(self, name)}")
        if self.picture_format not in ("jpeg", "png"):
            raise InputError(f"picture_format needs to be jpeg or png, got {self.picture_format}")
        if self.family is not None and self.family not in PUBLISHED:
            raise InputError(f"family needs to be one of {', '.join(sorted(PUBLISHED))}, got {self.family}")


def connect_server(
    base_url: str, *, model: str, api_key: str | None = None, options: ServerOptions = ServerOptions()
) -> ServerAdapter:
    """The adapter for `model` at `base_url`, which is what comes before /chat/completions; nothing is sent yet.

    Without `api_key` the environment's OPENAI_API_KEY is sent, if there is one.
    Raises: MissingExtra; InputError for a base_url or a key that no request can carry.
    """
    from semclip.adapters.server.connection import Connection

    key = api_key or os.environ.get("OPENAI_API_KEY") or None
    return ServerAdapter(Connection(base_url, model, key, options))


@final
@dataclass(frozen=True, slots=True)
class ServerAdapter:
    """A model behind a server. A generation is never asked for twice; see connection.py for what is."""

    connection: Connection

    @property
    def name(self) -> str:
        return self.connection.model

    @property
    def style(self) -> Style:
        options = self._options
        style = (GENERIC if options.family is None else PUBLISHED[options.family].family).style
        # No server mixes what several prompts predict.
        return options.style or (replace(style, fusion="montage") if style.fusion == "ensemble" else style)

    def visual_tokens(self, sizes: Sequence[Size], /, *, tiling: bool) -> int | None:
        """As the family named in the options counts; `tiling` changes nothing, for the server is not told of it."""
        family = self._options.family
        return None if family is None else PUBLISHED[family].count(sizes)

    def complete(self, mixtures: Sequence[Mixture], decoding: Decoding, /) -> tuple[Completion | TooManyPictures, ...]:
        """As the protocol says; several requests at a time.

        Where one fails, or Ctrl-C is pressed, those not yet sent are dropped and those under way are not waited for.
        """
        prompts = [_only_prompt(mixture) for mixture in mixtures]
        if len(prompts) == 1:
            return (self._completed(prompts[0], decoding),)
        at_once = min(len(prompts), self._options.concurrency)
        return tuple(_side_by_side(lambda prompt: self._completed(prompt, decoding), prompts, at_once))

    async def complete_async(self, mixture: Mixture, decoding: Decoding, /) -> Completion:
        prompt = _only_prompt(mixture)
        tokens = self._count(prompt)
        data = b"".join([chunk async for chunk in self.connection.chunks_async(self._request(prompt, decoding))])
        return self._read(data, tokens)

    def stream(self, mixture: Mixture, decoding: Decoding, /) -> Generator[str, None, None]:
        return self._pieces({**self._request(_only_prompt(mixture), decoding), "stream": True})

    def stream_async(self, mixture: Mixture, decoding: Decoding, /) -> AsyncGenerator[str, None]:
        return self._pieces_async({**self._request(_only_prompt(mixture), decoding), "stream": True})

    @property
    def _options(self) -> ServerOptions:
        return self.connection.options

    def _request(self, prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
        return request(self.name, prompt, decoding, picture_format=self._options.picture_format)

    def _count(self, prompt: Prompt) -> int | None:
        return self.visual_tokens([Size(*picture.size) for picture in prompt.pictures], tiling=prompt.tiling)

    def _read(self, data: bytes, visual_tokens: int | None) -> Completion:
        return replace(read_answer(data, source=self.connection.source), visual_tokens=visual_tokens)

    def _completed(self, prompt: Prompt, decoding: Decoding) -> Completion | TooManyPictures:
        tokens = self._count(prompt)
        try:
            data = b"".join(self.connection.chunks(self._request(prompt, decoding)))
        except TooManyPictures as error:
            return error
        return self._read(data, tokens)

    def _pieces(self, body: dict[str, Any]) -> Generator[str, None, None]:
        reader = EventReader(source=self.connection.source)
        with closing(self.connection.chunks(body)) as chunks:
            for chunk in chunks:
                if text := reader.feed(chunk):
                    yield text
                if reader.ended:
                    return
        if text := reader.finish():
            yield text

    async def _pieces_async(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        reader = EventReader(source=self.connection.source)
        async with aclosing(self.connection.chunks_async(body)) as chunks:
            async for chunk in chunks:
                if text := reader.feed(chunk):
                    yield text
                if reader.ended:
                    return
        if text := reader.finish():
            yield text


def _side_by_side(function: Callable[[Item], Made], items: Sequence[Item], at_once: int) -> list[Made]:
    """What `function` makes of each item, in order; the first failure is raised and drops those not yet begun."""
    futures = [Future[Made]() for _ in items]
    waiting = deque(zip(items, futures, strict=True))

    def work() -> None:
        with suppress(IndexError):  # of a deque that is empty
            while True:
                item, future = waiting.popleft()
                try:
                    future.set_result(function(item))
                # Whatever it is, it belongs to the one who waits.
                except BaseException as error:
                    waiting.clear()
                    future.set_exception(error)

    # No pool: the interpreter waits for its threads before it ends.
    for _ in range(at_once):
        Thread(target=work, daemon=True).start()
    try:
        for future in wait(futures, return_when=FIRST_EXCEPTION).done:
            future.result()
    finally:
        waiting.clear()
    return [future.result() for future in futures]


def _only_prompt(mixture: Mixture) -> Prompt:
    if len(mixture.prompts) != 1:
        raise InputError(
            f"a server takes one prompt a question, got a mixture of {len(mixture.prompts)}; ensemble and pairs need a "
            "model in memory: use append or montage"
        )
    return mixture.prompts[0]
