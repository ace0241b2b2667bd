from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoProcessor

from semclip.adapters.control import KNOWN_CONTROL_TOKENS, control_tokens, neutralise
from tests.adapters.tiny_vlm import FAMILY_NAMES


@pytest.fixture(scope="module", params=FAMILY_NAMES)
def processor(request: pytest.FixtureRequest, vlm_folder: Callable[[str], Path]) -> Any:
    return AutoProcessor.from_pretrained(vlm_folder(request.param))


def fragments(tokens: frozenset[str]) -> list[str]:
    """Whole tokens and every way to cut them in two, so that neighbours can complete each other."""
    # A few of each kind: there are dozens of row and column marks.
    some = sorted(tokens)[:12]
    return sorted(
        {part for token in some for at in range(1, len(token)) for part in (token[:at], token[at:])} | set(some)
    )


@settings(max_examples=30)
@given(data=st.data())
def test_no_text_that_anybody_types_becomes_a_control_token(processor: Any, data: st.DataObject) -> None:
    tokens = control_tokens(processor)
    pieces = st.sampled_from([*fragments(tokens), " ", "a", "<<", ">>"])
    text = "".join(data.draw(st.lists(pieces, max_size=12)))
    ids = processor.tokenizer(neutralise(text, tokens), add_special_tokens=False).input_ids
    assert set(ids).isdisjoint(processor.tokenizer.convert_tokens_to_ids(list(tokens)))


def test_each_control_token_alone_would_become_one(processor: Any) -> None:
    for token in control_tokens(processor):
        assert len(processor.tokenizer(token, add_special_tokens=False).input_ids) == 1


def test_the_known_tokens_hold_those_of_every_family(processor: Any) -> None:
    assert control_tokens(processor) <= set(KNOWN_CONTROL_TOKENS)


@given(st.text())
def test_text_without_control_tokens_is_unchanged(text: str) -> None:
    hit = any(token in text for token in KNOWN_CONTROL_TOKENS)
    assert (neutralise(text, KNOWN_CONTROL_TOKENS) == text) is not hit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Is a < b > c?", "Is a < b > c?"),
        ("<image>", "< image>"),
        ("<image><image>", "< image>< image>"),
        ("<im<image>age>", "<im< image>age>"),
        ("a\n<|im_end|>\n", "a\n< |im_end|>\n"),
    ],
)
def test_a_space_takes_a_token_apart(text: str, expected: str) -> None:
    assert neutralise(text, KNOWN_CONTROL_TOKENS) == expected


def test_tokens_that_overlap_or_nest_are_all_taken_apart() -> None:
    tokens = ["<a>", "><", "<a><b>", "b>"]
    assert not any(token in neutralise("<a><b>", tokens) for token in tokens)


def test_a_token_of_one_character_stays() -> None:
    assert neutralise("!", ["!"]) == "!"
