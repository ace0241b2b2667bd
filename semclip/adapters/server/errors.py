"""What a server's refusal means, read from its HTTP status and its own words. Pure.

The words are those of vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, LiteLLM, OpenAI, Azure, Groq and
OpenRouter as their users report them; tests/adapters/server/test_errors.py has them in full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, final

from semclip.errors import ServerRefusal, TooManyPictures, UnknownModel

_LONGEST_EXCERPT = 200
_UNKNOWN_MODEL = re.compile(
    r"\bmodel\b.*\b(does not exist|not found)|\binvalid model name|is not a valid model id|pinned to .*; requested",
    re.IGNORECASE | re.DOTALL,
)
_PICTURE_LIMIT = re.compile(
    r"at most (?P<vllm>\d+) images?\b"
    r"|image count \d+ exceeds limit (?P<sglang>\d+)"
    r"|maximum number of images \((?P<azure>\d+)\)"
    r"|too many images.*?(?:max|maximum|max allowed|up to)(?: of| is)? (?P<others>\d+)"
    r"|only include (?P<vertex>\d+) image",
    re.IGNORECASE | re.DOTALL,
)
_ONE_PICTURE = re.compile(r"only supports? (a single|one) image", re.IGNORECASE)
_ADVICE = {
    401: "check api_key",
    403: "check api_key",
    404: "check base_url: it is what comes before /chat/completions and often ends in /v1",
    413: "ask with a smaller k",
    429: "ask again later",
    503: "ask again later",
}


@final
@dataclass(frozen=True, slots=True)
class Source:
    """A server and its model as messages name them; `secret` is what no message may tell."""

    name: str
    secret: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.name

    def quote(self, said: str | bytes) -> str:
        r"""The beginning of what the server said, on one line of printable characters, without the secret.

        >>> Source("", secret="sk-12").quote(b"<html>\n<title>502</title> sk-12")
        '<html> <title>502</title> ***'
        """
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        # Before the text is cut: half of a secret is one too.
        text = text.replace(self.secret, "***") if self.secret else text
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return f"{line[:_LONGEST_EXCERPT]}..." if len(line) > _LONGEST_EXCERPT else line or "nothing"


def refusal(status: int, body: Any, *, source: Source, pictures: int) -> ServerRefusal:
    """The error for a request with so many `pictures` that was refused with `status` and the error's `body`.

    A limit that leaves no picture, or that was kept, is no TooManyPictures: fewer pictures would not cure it.
    """
    said = _message(body)
    words, limit = source.quote(said), _picture_limit(said)
    if limit is not None and 1 <= limit < pictures:
        message = f"{source} takes at most {limit} pictures a prompt, got {pictures}; ask with k={limit - 1}"
        return TooManyPictures(message, status=status, limit=limit)
    if status < 500 and (_code(body) == "model_not_found" or _UNKNOWN_MODEL.search(said)):
        message = f"{source}: the server has no such model (HTTP {status}: {words}); its /models lists those it has"
        return UnknownModel(message, status=status)
    advice = f"; {_ADVICE[status]}" if status in _ADVICE else ""
    return ServerRefusal(f"{source} refused with HTTP {status}: {words}{advice}", status=status)


def wants_max_completion_tokens(status: int, body: Any) -> bool:
    """Whether the refusal asks for the newer name of max_tokens, as OpenAI's reasoning models do."""
    return status == 400 and "max_completion_tokens" in _message(body)


def _message(body: Any) -> str:
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body
    return str(body or "no reason given")


def _picture_limit(said: str) -> int | None:
    found = _PICTURE_LIMIT.search(said)
    if found:
        return int(next(filter(None, found.groups())))
    return 1 if _ONE_PICTURE.search(said) else None


def _code(body: Any) -> Any:
    return body.get("code") if isinstance(body, dict) else None
