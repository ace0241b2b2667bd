"""ψ from the VLM itself, which needs no other model: where it looks, how sure it is, what it makes of a crop."""

from __future__ import annotations

from typing import Any

from semclip.errors import InputError
from semclip.protocols import Relevance

KINDS = ("attention", "likelihood", "embedding")


def of_adapter(kind: str, adapter: Any) -> Relevance:
    """The ψ of one of KINDS that asks the model of `adapter`, with default options.

    Raises: InputError for another kind, or an adapter whose model is not in memory; MissingExtra without torch.
    """
    _check(kind)
    from semclip.adapters.chat import ChatAdapter
    from semclip.relevance.vlm.attention import VlmAttention
    from semclip.relevance.vlm.embedding import VlmEmbedding
    from semclip.relevance.vlm.likelihood import VlmLikelihood

    if not isinstance(adapter, ChatAdapter):
        raise InputError(f"psi vlm:{kind} looks inside a model, which needs to be in memory; got {adapter.name}")
    psi: Relevance = {"attention": VlmAttention, "likelihood": VlmLikelihood, "embedding": VlmEmbedding}[kind](adapter)
    return psi


def load(spec: str) -> Relevance:
    """The ψ that `spec`, KIND:MODEL, names: a kind, and the folder or hub id of the model to load for it.

    Raises: InputError for an unknown kind or no model; MissingExtra or ModelError where it cannot be loaded.
    """
    kind, _, model = spec.partition(":")
    _check(kind)
    if not model:
        raise InputError(
            f"psi vlm:{kind} needs a model: vlm:{kind}:FOLDER_OR_ID, or semclip ask --vlm, which scores with its own"
        )
    from semclip.adapters.chat import load_chat

    return of_adapter(kind, load_chat(model))


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"psi vlm: needs one of {', '.join(KINDS)}, got {kind!r}")
