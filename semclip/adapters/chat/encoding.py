"""Prompts into one batch of model inputs, each encoded exactly as its processor encodes it alone.

Knows processors of transformers and the shapes of what they make; no model and no generation. Processors differ in
how, and whether, they batch prompts with several pictures, or change their tokenizer's padding for good when asked to
pad. So each prompt is encoded alone and the results are joined here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from semclip.adapters.control import control_tokens, neutral
from semclip.errors import InputError, MissingExtra, reason
from semclip.prompts import to_chat_messages
from semclip.types import Prompt

try:
    import torch
    from torch import Tensor
    from transformers import BatchFeature
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "transformers", extra="torch") from missing


def encode(
    prompts: Sequence[Prompt],
    processor: Any,
    *,
    untiled: Mapping[str, Any],
    controls: frozenset[str],
    pad_token_id: int,
) -> BatchFeature:
    """One batch of the prompts, padded at the left and never cut to a length.

    `untiled` are the processor's options for a prompt without tiling; `controls` is neutralised in texts.

    Raises: InputError where the processor refuses a prompt.
    """
    with _reading(processor):
        singles = [_alone(processor, neutral(prompt, controls), {} if prompt.tiling else untiled) for prompt in prompts]
        return singles[0] if len(singles) == 1 else _joined(singles, pad_token_id)


def require_pictures(processor: Any) -> None:
    """Nothing, where the processor reads chat messages with pictures.

    Raises: InputError that says what is missing.
    """
    name = type(processor).__name__
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise InputError(f"a processor of pictures and text is needed, got {name}; load it with AutoProcessor")
    if not getattr(processor, "chat_template", None):
        raise InputError(f"{name} needs a chat template, got none; load a chat checkpoint or set its chat_template")
    text: dict[str, Any] = {"type": "text", "text": "?"}
    blind, seeing = (_marks(processor, content) for content in ([text], [{"type": "image"}, text]))
    if seeing <= blind:
        raise InputError(f"{name} needs a chat template with a place for pictures, got one that leaves them out")


def _marks(processor: Any, content: list[dict[str, Any]]) -> int:
    """How many control tokens the chat template writes for a message of `content`."""
    with _reading(processor):
        text: str = processor.apply_chat_template([{"role": "user", "content": content}], tokenize=False)
    return sum(text.count(token) for token in control_tokens(processor))


@contextmanager
def _reading(processor: Any) -> Iterator[None]:
    try:
        yield
    # Templates and processors, those of model authors among them, share no narrower base class.
    except Exception as error:
        raise InputError(
            f"{type(processor).__name__} cannot read this prompt ({reason(error)}); change its pictures or the template"
        ) from error


def _alone(processor: Any, prompt: Prompt, options: Mapping[str, Any]) -> BatchFeature:
    inputs: BatchFeature = processor.apply_chat_template(
        [to_chat_messages(prompt)],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs=dict(options),
    )
    return inputs


def _joined(singles: Sequence[BatchFeature], pad_token_id: int) -> BatchFeature:
    """One batch of batches of one: what runs along the text is padded at the left, pictures follow one another.

    Pictures that take different room, in tiles or in pixels, get zeros at the end, as the processors themselves do it.
    """
    length = max(single["input_ids"].shape[1] for single in singles)
    rows = [_padded_left(single, length, pad_token_id) for single in singles]
    keys = dict.fromkeys(key for row in rows for key in row)
    return BatchFeature({key: _stacked([row[key] for row in rows if key in row]) for key in keys})


def _padded_left(single: BatchFeature, length: int, pad_token_id: int) -> dict[str, Tensor]:
    along_text = single["input_ids"].shape
    missing = length - along_text[1]
    return {
        key: _padded(value, 1, (missing, 0), pad_token_id if key == "input_ids" else 0)
        if value.shape[:2] == along_text
        else value
        for key, value in single.items()
    }


def _stacked(values: list[Tensor]) -> Tensor:
    """The tensors one after another, their further axes padded to the longest."""
    for axis in range(1, values[0].ndim):
        longest = max(value.shape[axis] for value in values)
        values = [_padded(value, axis, (0, longest - value.shape[axis]), 0) for value in values]
    return torch.cat(values)


def _padded(value: Tensor, axis: int, amounts: tuple[int, int], fill: int) -> Tensor:
    if not any(amounts):
        return value
    # torch counts axes from the last one.
    untouched = (0, 0) * (value.ndim - 1 - axis)
    return torch.nn.functional.pad(value, (*untouched, *amounts), value=fill)
