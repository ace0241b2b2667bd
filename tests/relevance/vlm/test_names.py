"""Names of ψ that come from a VLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from semclip.adapters.chat import ChatAdapter
from semclip.errors import InputError, ModelError
from semclip.relevance.table import load_relevance
from semclip.relevance.vlm import KINDS, of_adapter
from tests.relevance.vlm.passes import BOXES, QUESTION, noise

Adapters = Callable[[str], ChatAdapter]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_asks_the_model_of_its_adapter(adapter: Adapters, kind: str) -> None:
    psi = of_adapter(kind, adapter("llava"))
    assert psi.name == f"vlm:{kind}"
    assert psi.score(QUESTION, psi.embed(noise(), BOXES)).shape == (len(BOXES),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_with_a_folder_loads_the_model_there(adapter: Adapters, kind: str) -> None:
    folder = Path(adapter("llava").name)
    psi = load_relevance(f"vlm:{kind}:{folder}")
    assert psi.fingerprint == of_adapter(kind, adapter("llava")).fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_without_a_model_is_told_where_to_get_one(kind: str) -> None:
    with pytest.raises(InputError, match=f"vlm:{kind}:FOLDER_OR_ID, or semclip ask --vlm"):
        load_relevance(f"vlm:{kind}")


@pytest.mark.parametrize("name", ["vlm:attn", "vlm:attn:folder"])
def test_an_unknown_kind_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match="attention, likelihood, embedding, got 'attn'"):
        load_relevance(name)


def test_a_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not be loaded"):
        load_relevance(f"vlm:attention:{tmp_path}")


def test_a_model_that_is_not_in_memory_is_refused() -> None:
    class Server:
        name = "gpt"

    with pytest.raises(InputError, match="needs to be in memory; got gpt"):
        of_adapter("attention", Server())
