"""Requests to one server, sync and async, over the `openai` package: what is sent again, and what is not.

A request goes out again only where the server cannot have begun to generate: no connection came about, the server said
when to come back, or it wants max_tokens under another name. The client's own retries are off: they repeat a
generation whose answer was slow or got lost.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, final

from semclip.adapters.server.errors import Source, refusal, wants_max_completion_tokens
from semclip.adapters.server.format import count_pictures
from semclip.errors import InputError, MalformedAnswer, MissingExtra, ServerError, ServerTimeout, ServerUnreachable

try:
    import httpx2
    import openai
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "openai", extra="openai") from missing

if TYPE_CHECKING:
    import ssl

    from semclip.adapters.server import ServerOptions

_FOREIGN = (openai.OpenAIError, httpx2.HTTPError)
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)
_COME_BACK = (429, 503)
_CONNECT_S = 10.0
_LONGEST_BACKOFF_S = 8.0
_NO_KEY = "none"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request that is due in `wait_s`, after as many `failures`."""

    body: dict[str, Any]
    failures: int = 0
    wait_s: float = 0.0


@final
@dataclass(frozen=True, slots=True)
class Connection:
    """Sends requests and gives back the bytes of answers as they come.

    Clients live as long as one request: an async one belongs to its event loop. Raises: InputError for a base_url or a
    key that no request can carry.
    """

    base_url: str = field(repr=False)
    model: str
    api_key: str | None = field(repr=False)
    options: ServerOptions

    def __post_init__(self) -> None:
        key = self.api_key or _NO_KEY
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise InputError("api_key needs to be printable ASCII without spaces, got other characters in it")
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise InputError(f"base_url needs to look like http://127.0.0.1:8000/v1, got {self.address}")

    @property
    def address(self) -> str:
        """The base_url without a password or a key that it may hold."""
        return str(self._url.copy_with(userinfo=b"", query=None, fragment=None))

    @property
    def source(self) -> Source:
        return Source(f"{self.address}, model {self.model}", secret=self.api_key)

    def chunks(self, body: dict[str, Any]) -> Generator[bytes, None, None]:
        """The answer to the request `body`, as it comes.

        Raises: ServerError, a subclass for each kind of failure.
        """
        attempt = _Attempt(body)
        with openai.OpenAI(http_client=openai.DefaultHttpxClient(**self._transport), **self._client) as client:
            while True:
                time.sleep(attempt.wait_s)
                try:
                    with client.chat.completions.with_streaming_response.create(**attempt.body) as response:
                        yield from response.iter_bytes()
                        return
                except _FOREIGN as error:
                    attempt = self._next(attempt, error)

    async def chunks_async(self, body: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        """As `chunks`."""
        attempt = _Attempt(body)
        http_client = openai.DefaultAsyncHttpxClient(**self._transport)
        async with openai.AsyncOpenAI(http_client=http_client, **self._client) as client:
            while True:
                await asyncio.sleep(attempt.wait_s)
                try:
                    async with client.chat.completions.with_streaming_response.create(**attempt.body) as response:
                        async for chunk in response.iter_bytes():
                            yield chunk
                        return
                except _FOREIGN as error:
                    attempt = self._next(attempt, error)

    @property
    def _url(self) -> httpx2.URL:
        try:
            return httpx2.URL(self.base_url)
        except httpx2.InvalidURL as error:
            raise InputError("base_url needs to look like http://127.0.0.1:8000/v1, got no URL") from error

    @property
    def _client(self) -> dict[str, Any]:
        return {"base_url": self.base_url, "api_key": self.api_key or _NO_KEY, "max_retries": 0}

    @property
    def _transport(self) -> dict[str, Any]:
        timeout_s = self.options.timeout_s
        host = self._url.host
        loopback = host in ("localhost", "::1") or host.startswith("127.")
        return {
            "timeout": httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            "verify": _certificates(),
            # A proxy elsewhere would look for the model server on its own loopback.
            "trust_env": not loopback,
        }

    def _next(self, attempt: _Attempt, error: Exception) -> _Attempt:
        """The attempt to make after `error`, or `error` translated and raised."""
        wait_s = self._pause_s(attempt, error)
        if wait_s is not None and attempt.failures < self.options.connect_retries:
            return replace(attempt, failures=attempt.failures + 1, wait_s=wait_s)
        if "max_tokens" in attempt.body and _wants_max_completion_tokens(error):
            body = dict(attempt.body)
            return replace(attempt, body={"max_completion_tokens": body.pop("max_tokens"), **body}, wait_s=0.0)
        raise self._translated(attempt, error) from (None if self._tells_key(error) else error)

    def _pause_s(self, attempt: _Attempt, error: Exception) -> float | None:
        """How long to wait before the request may go out again; None where it must not."""
        if isinstance(_reason(error), _UNSENT):
            backoff_s: float = self.options.backoff_s * 2**attempt.failures
            return min(_LONGEST_BACKOFF_S, backoff_s) * random.uniform(0.5, 1.0)
        if isinstance(error, openai.APIStatusError) and error.status_code in _COME_BACK:
            wait_s = _seconds(error.response.headers.get("retry-after"))
            return wait_s if wait_s is not None and wait_s <= self.options.longest_wait_s else None
        return None

    def _translated(self, attempt: _Attempt, error: Exception) -> ServerError:
        if isinstance(error, openai.APIStatusError):
            pictures = count_pictures(attempt.body)
            return refusal(error.status_code, error.body, source=self.source, pictures=pictures)
        reason = _reason(error)
        why = self.source.quote(str(reason) or type(reason).__name__)
        if isinstance(reason, _UNSENT):
            tries = attempt.failures + 1
            return ServerUnreachable(
                f"{self.address} gave no connection (tries: {tries}): {why}; is the server running?"
            )
        if isinstance(reason, httpx2.TimeoutException):
            return ServerTimeout(
                f"{self.source} was silent for {self.options.timeout_s:g} s and was not asked again; raise timeout_s "
                "or lower max_tokens"
            )
        return MalformedAnswer(f"{self.source} broke off before the end of its answer: {why}")

    def _tells_key(self, error: Exception) -> bool:
        return self.api_key is not None and self.api_key in f"{error} {_reason(error)}"


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes far longer than to make a client."""
    return httpx2.create_ssl_context()


def _reason(error: Exception) -> BaseException:
    """What the connection met with; `openai` wraps it until an answer has begun, and then no longer."""
    return error.__cause__ or error if isinstance(error, openai.OpenAIError) else error


def _wants_max_completion_tokens(error: Exception) -> bool:
    return isinstance(error, openai.APIStatusError) and wants_max_completion_tokens(error.status_code, error.body)


def _seconds(header: str | None) -> float | None:
    """A Retry-After in seconds; None for a date and for anything else."""
    return float(header) if header is not None and header.strip().isdecimal() else None
