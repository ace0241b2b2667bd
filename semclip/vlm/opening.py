"""The three ways to a `VLM`. Whatever library one needs is imported when it is called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from semclip.vlm.asking import VLM

if TYPE_CHECKING:
    from semclip.adapters.server import ServerOptions


def wrap(model: Any, processor: Any) -> VLM:
    """A Hugging Face image-text-to-text model that is in memory already; neither it nor its processor is changed.

    Raises: InputError where the two cannot be asked about pictures: the message says what is missing.
    """
    from semclip.adapters.chat import wrap_chat

    return VLM(wrap_chat(model, processor))


def load(model: str | os.PathLike[str], **options: Any) -> VLM:
    """A Hugging Face model by hub id or folder; `options` go to `from_pretrained`: device_map, dtype, revision, ...

    Raises: MissingExtra without the extra `torch`; ModelError where it cannot be loaded.
    """
    from semclip.adapters.chat import load_chat

    return VLM(load_chat(model, **options))


def connect(base_url: str, *, model: str, api_key: str | None = None, options: ServerOptions | None = None) -> VLM:
    """A model behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama, OpenAI.

    `api_key` is the environment's OPENAI_API_KEY unless given. No connection is made before the first question.
    Raises: MissingExtra without the extra `openai`; InputError where `base_url` is none.
    """
    from semclip.adapters.server import ServerOptions, connect_server

    return VLM(connect_server(base_url, model=model, api_key=api_key, options=options or ServerOptions()))
