"""What the docs and examples name and no test can have: published models and servers, each with its stand-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.adapters.loopback import Reply, completion, event, events

FAMILIES = {
    "Qwen/Qwen2.5-VL-7B-Instruct": "qwen2_5_vl",
    "llava-hf/llava-1.5-7b-hf": "llava",
}
SERVER = "http://127.0.0.1:8000/v1"


def with_stand_ins(code: str, base_url: str, vlm_folder: Callable[[str], Path]) -> str:
    """The same code, asking small saved models and a server on loopback."""
    code = code.replace(SERVER, base_url)
    for name, family in FAMILIES.items():
        if f'load("{name}"' in code or f'from_pretrained("{name}"' in code:
            code = code.replace(name, str(vlm_folder(family)))
    return code


def answered(body: dict[str, Any]) -> Reply:
    """A server's answer, whole or in pieces as it was asked."""
    return events(event("4"), event("2"), event(None, "stop")) if body.get("stream") else completion("42")
