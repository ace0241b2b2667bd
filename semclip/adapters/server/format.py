"""The wire format of `chat/completions`: a prompt as a request, an answer or a stream of events as text.

Pure: knows nothing of connections. `source` is who answered, for messages.
"""

from __future__ import annotations

import json
from typing import Any, final

from semclip.adapters.control import KNOWN_CONTROL_TOKENS, neutral
from semclip.adapters.server.errors import Source
from semclip.errors import MalformedAnswer
from semclip.prompts import PictureFormat, to_openai_messages
from semclip.types import Completion, Decoding, Prompt

_END_OF_EVENTS = b"[DONE]"
_OTHER_FIELDS = (b":", b"event:", b"id:", b"retry:")
"""What lines of events begin with that hold no data."""
_STRANGE_BYTES = 1000


def request(model: str, prompt: Prompt, decoding: Decoding, *, picture_format: PictureFormat) -> dict[str, Any]:
    """The request's body. What servers may refuse and semclip can do without is left out.

    The temperature is always said: a server's own default is not greedy. All control tokens that are known are
    neutralised: which of them the server's model has is not known.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": to_openai_messages(neutral(prompt, KNOWN_CONTROL_TOKENS), picture_format=picture_format),
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


def read_answer(data: bytes, *, source: Source) -> Completion:
    """The completion in the body of an answer.

    Raises: MalformedAnswer for anything but a chat completion with text in it; the text may be empty.
    """
    answer = _parsed(data, source)
    try:
        choice = answer["choices"][0]
        text = _joined(choice["message"]["content"])
    except (KeyError, IndexError, TypeError) as error:
        raise MalformedAnswer(f"{source} needed to send a chat completion, sent {source.quote(data)}") from error
    if not isinstance(text, str):
        reason = source.quote(str(choice.get("finish_reason")))
        raise MalformedAnswer(
            f"{source} needed to send text, sent none (finish_reason {reason}); a model that reasons first needs more "
            "max_tokens"
        )
    usage = answer.get("usage")
    return Completion(
        text, prompt_tokens=_count(usage, "prompt_tokens"), completion_tokens=_count(usage, "completion_tokens")
    )


def _joined(content: Any) -> Any:
    """The text of a list of parts, as some servers send it; anything else as it is."""
    if not isinstance(content, list):
        return content
    texts = [part["text"] for part in content if part["type"] == "text"]
    return "".join(texts) if texts else None


def _count(usage: Any, key: str) -> int | None:
    count = usage.get(key) if isinstance(usage, dict) else None
    return count if isinstance(count, int) else None


def _parsed(data: bytes, source: Source) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"{source} needed to send JSON, sent {source.quote(data)}") from error


@final
class EventReader:
    """Text out of a stream of server-sent events, in whatever pieces its bytes come.

    `ended` turns true with a finish_reason or [DONE]: servers may send either alone.
    """

    def __init__(self, *, source: Source) -> None:
        self.ended = False
        self._source = source
        self._line = b""
        self._strange = b""

    def feed(self, data: bytes) -> str:
        """The text of the events that `data` completes.

        Raises: MalformedAnswer for an event that is no piece of a chat completion.
        """
        *lines, self._line = (self._line + data).split(b"\n")
        return "".join(self._read(line) for line in lines)

    def finish(self) -> str:
        """The text of a last event that no line end follows.

        Raises: MalformedAnswer if the stream broke off, or was none.
        """
        text = self.feed(b"\n")
        if not self.ended and self._strange:
            raise MalformedAnswer(f"{self._source} needed to send events, sent {self._source.quote(self._strange)}")
        if not self.ended:
            raise MalformedAnswer(f"{self._source} needed to send the end of its answer, broke off before it")
        return text

    def _read(self, line: bytes) -> str:
        if not line.startswith(b"data:"):
            self._keep(line)
            return ""
        data = line.removeprefix(b"data:").strip()
        if data == _END_OF_EVENTS:
            self.ended = True
            return ""
        event = _parsed(data, self._source)
        try:
            # An event that holds the usage has no choice, one that holds the end may have no delta.
            choice = event["choices"][0] if event["choices"] else {}
            text = _joined((choice.get("delta") or {}).get("content")) or ""
            self.ended = self.ended or choice.get("finish_reason") is not None
        except (AttributeError, KeyError, TypeError):
            text = None
        if not isinstance(text, str) or event.get("error"):
            raise MalformedAnswer(
                f"{self._source} needed to send a piece of an answer, sent {self._source.quote(data)}"
            )
        return text

    def _keep(self, line: bytes) -> None:
        """Keeps the beginning of what is no event, in whole lines: half of a secret would not be known for one."""
        if line.strip() and not line.startswith(_OTHER_FIELDS) and len(self._strange) < _STRANGE_BYTES:
            self._strange += line + b"\n"
