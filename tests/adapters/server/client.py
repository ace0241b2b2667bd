"""Adapters for a server on loopback, and the replies that they understand."""

from __future__ import annotations

from typing import Any

from semclip.adapters.server import ServerAdapter, ServerOptions, connect_server
from semclip.types import Decoding
from tests.adapters.asking import WHOLE, Way
from tests.adapters.loopback import Loopback, Reply, completion, event, events, refusal

GREEDY = Decoding(max_tokens=8)
KEY = "sk-secret-0123456789"
LIMIT = refusal(400, {"error": {"message": "At most 1 image(s) may be provided in one prompt.", "code": 400}})
"""The refusal of a second picture."""


def to(log: Loopback, **options: Any) -> ServerAdapter:
    return at(log.base_url, **options)


def at(base_url: str, **options: Any) -> ServerAdapter:
    quick = {"timeout_s": 20.0, "backoff_s": 0.001, **options}
    return connect_server(base_url, model="m", api_key=KEY, options=ServerOptions(**quick))


def answering(way: Way, text: str = "42") -> Reply:
    """The reply in which `way` finds `text`."""
    return completion(text) if way in WHOLE else events(*(event(letter) for letter in text), event(None, "stop"))
