"""A generation ends when nobody waits for it any longer."""

from __future__ import annotations

import asyncio
import threading

import pytest

from semclip.adapters.chat import ChatAdapter
from semclip.types import Decoding
from tests.adapters.chat.passes import ENSEMBLE, counted

ENDLESS = Decoding(max_tokens=5000)


def test_closing_a_stream_ends_the_generation(llava: ChatAdapter) -> None:
    # Others may end meanwhile: a loader's, say.
    before = set(threading.enumerate())
    with counted(llava.model) as passes:
        stream = llava.stream(ENSEMBLE, ENDLESS)
        assert next(stream)
        stream.close()
    assert 2 <= len(passes) < ENDLESS.max_tokens
    assert set(threading.enumerate()) <= before


def test_closing_an_async_stream_ends_the_generation(llava: ChatAdapter) -> None:
    async def peek() -> str:
        stream = llava.stream_async(ENSEMBLE, ENDLESS)
        piece = await anext(stream)
        await stream.aclose()
        return piece

    with counted(llava.model) as passes:
        assert asyncio.run(peek())
    assert 2 <= len(passes) < ENDLESS.max_tokens


def test_cancelling_the_reader_of_a_stream_ends_the_generation(llava: ChatAdapter) -> None:
    async def cancelled() -> None:
        started = asyncio.Event()

        async def read() -> None:
            async for _ in llava.stream_async(ENSEMBLE, ENDLESS):
                started.set()

        reader = asyncio.create_task(read())
        await started.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader

    with counted(llava.model) as passes:
        asyncio.run(cancelled())
    assert len(passes) < ENDLESS.max_tokens


def test_an_async_stream_ends_also_where_no_thread_is_free_to_wait_for_it(llava: ChatAdapter) -> None:
    at_leisure = threading.Event()

    async def peek() -> None:
        stream = llava.stream_async(ENSEMBLE, ENDLESS)
        await anext(stream)
        busy = [asyncio.create_task(asyncio.to_thread(at_leisure.wait)) for _ in range(64)]
        await asyncio.sleep(0)  # they begin
        closing = asyncio.create_task(stream.aclose())
        while llava.turn.locked():
            await asyncio.sleep(0.001)
        at_leisure.set()
        await asyncio.gather(closing, *busy)

    with counted(llava.model) as passes:
        asyncio.run(peek())
    assert len(passes) < ENDLESS.max_tokens


def test_cancelling_a_question_ends_the_generation(llava: ChatAdapter) -> None:
    async def cancelled() -> None:
        asked = asyncio.create_task(llava.complete_async(ENSEMBLE, ENDLESS))
        while not passes:
            await asyncio.sleep(0.001)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    with counted(llava.model) as passes:
        asyncio.run(cancelled())
    assert len(passes) < ENDLESS.max_tokens
