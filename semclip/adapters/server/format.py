"""The wire format of `chat/completions`: a prompt as a request, an answer or a stream of events as text.

Pure: knows nothing of connections. `source` names the server and the model in messages.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, final

from semclip.adapters.control import KNOWN_CONTROL_TOKENS, neutralise
from semclip.adapters.server.errors import excerpt
from semclip.errors import MalformedAnswer
from semclip.prompts import PictureFormat, to_openai_messages
from semclip.types import Completion, Decoding, Prompt

_END_OF_EVENTS = b"[DONE]"


def request(model: str, prompt: Prompt, decoding: Decoding, *, picture_format: PictureFormat) -> dict[str, Any]:
    """The request's body. What servers may refuse and semclip can do without is left out.

    The temperature is always said: a server's own default is not greedy.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": to_openai_messages(_harmless(prompt), picture_format=picture_format),
        "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature,
    }
    if decoding.top_p < 1:
        body["top_p"] = decoding.top_p
    if decoding.seed is not None:
        body["seed"] = decoding.seed
    return body


def count_pictures(body: dict[str, Any]) -> int:
    """How many pictures a request's body holds."""
    return sum(part["type"] == "image_url" for message in body["messages"] for part in message["content"])


def _harmless(prompt: Prompt) -> Prompt:
    """The prompt with every control token in its text broken up: which ones the server's model has is not known."""
    parts = (neutralise(part, KNOWN_CONTROL_TOKENS) if isinstance(part, str) else part for part in prompt.parts)
    return replace(prompt, parts=tuple(parts))


def read_answer(data: bytes, *, source: str) -> Completion:
    """The completion in the body of an answer.

    Raises: MalformedAnswer for anything but a chat completion with text in it; the text may be empty.
    """
    answer = _parsed(data, source)
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise MalformedAnswer(f"{source} needed to send a chat completion, sent {excerpt(data)}") from error
    if not isinstance(text, str):
        reason = choice.get("finish_reason")
        raise MalformedAnswer(
            f"{source} needed to send text, sent none (finish_reason {reason}); a model that reasons first needs more "
            "max_tokens"
        )
    usage = answer.get("usage")
    return Completion(
        text, prompt_tokens=_count(usage, "prompt_tokens"), completion_tokens=_count(usage, "completion_tokens")
    )


def _count(usage: Any, key: str) -> int | None:
    count = usage.get(key) if isinstance(usage, dict) else None
    return count if isinstance(count, int) else None


def _parsed(data: bytes, source: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"{source} needed to send JSON, sent {excerpt(data)}") from error


@final
class EventReader:
    """Text out of a stream of server-sent events, in whatever pieces its bytes come.

    `ended` turns true with a finish_reason or [DONE]: servers may send either alone.
    """

    def __init__(self, *, source: str) -> None:
        self.ended = False
        self._source = source
        self._line = b""

    def feed(self, data: bytes) -> str:
        """The text of the events that `data` completes.

        Raises: MalformedAnswer for an event that is no piece of a chat completion.
        """
        *lines, self._line = (self._line + data).split(b"\n")
        return "".join(self._read(line) for line in lines)

    def finish(self) -> str:
        """The text of a last event that no line end follows.

        Raises: MalformedAnswer if the stream broke off.
        """
        text = self.feed(b"\n")
        if not self.ended:
            raise MalformedAnswer(f"{self._source} needed to send the end of its answer, broke off before it")
        return text

    def _read(self, line: bytes) -> str:
        if not line.startswith(b"data:"):
            return ""
        data = line.removeprefix(b"data:").strip()
        if data == _END_OF_EVENTS:
            self.ended = True
            return ""
        event = _parsed(data, self._source)
        try:
            # An event that holds the usage has no choice, one that holds the end may have no delta.
            choice = event["choices"][0] if event["choices"] else {}
            text = (choice.get("delta") or {}).get("content") or ""
            self.ended = self.ended or choice.get("finish_reason") is not None
        except (AttributeError, KeyError, TypeError):
            text = None
        if not isinstance(text, str) or event.get("error"):
            raise MalformedAnswer(f"{self._source} needed to send a piece of an answer, sent {excerpt(data)}")
        return text
