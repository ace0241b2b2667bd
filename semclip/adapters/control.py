"""Control tokens that somebody typed become plain text: which strings they are, and how they are taken apart.

Knows the attributes of a processor that name control tokens, and no library. Text without control tokens is never
changed: a wrapped model reads exactly what it would have read unwrapped.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from semclip.types import Prompt

KNOWN_CONTROL_TOKENS = (
    *("<image>", "<video>", "<audio>", "<s>", "</s>", "<unk>", "<pad>", "<mask>"),
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
    *("<|image|>", "<|video|>", "<|audio|>", "<|image_start|>", "<|image_end|>", "<|patch|>"),
    *("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"),
    *("<image_soft_token>", "<img>", "</img>", "<IMG_CONTEXT>", "<fake_token_around_image>", "<global-img>"),
    *("<end_of_utterance>", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "[SYSTEM_PROMPT]"),
    *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"),
    *("<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>", "<image_placeholder>"),
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
    *("<__media__>", "<__image__>"),
)
"""What open models and llama.cpp read as control tokens; for servers: their tokenizers are not at hand."""


def control_tokens(processor: Any) -> frozenset[str]:
    """The strings that a Hugging Face processor or its tokenizer reads as something else than text."""
    tokenizer = processor.tokenizer
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    named = {value for name, value in vars(processor).items() if name.endswith("_token") and isinstance(value, str)}
    return frozenset({*special, *named, *tokenizer.all_special_tokens})


def neutral(prompt: Prompt, tokens: Collection[str]) -> Prompt:
    """The prompt with each of `tokens` in its texts taken apart; its pictures are the same."""
    parts = (neutralise(part, tokens) if isinstance(part, str) else part for part in prompt.parts)
    return replace(prompt, parts=tuple(parts))


def neutralise(text: str, tokens: Collection[str]) -> str:
    """`text` with a space after the first character of each of `tokens` in it, and otherwise unchanged.

    Tokens that overlap are all taken apart; one of a single character cannot be and stays.

    >>> neutralise("Is <image> in <<image>?", ["<image>"])
    'Is < image> in << image>?'
    """
    found = [re.escape(token) for token in tokens if token in text and len(token) > 1]
    if not found:
        return text
    # A look-ahead finds also those that begin inside another one.
    return re.sub(f"(?={'|'.join(found)})(.)", r"\1 ", text, flags=re.DOTALL)
