"""How likely a model in memory finds a given text as its answer: teacher forcing, one pass a prompt and no generation.

Knows tensors and the adapter; nothing of what the text means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from semclip.adapters.chat.adapter import ChatAdapter
from semclip.adapters.chat.generation import running
from semclip.adapters.control import neutralise
from semclip.adapters.families import GENERIC
from semclip.errors import InputError, MissingExtra, ModelError
from semclip.types import Mixture, Prompt

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "torch", extra="torch") from missing


def log_likelihoods(adapter: ChatAdapter, mixtures: Sequence[Mixture], text: str) -> list[float]:
    """The mean log-probability of a token of `text` as the answer to each mixture, all run as one batch.

    Of several prompts the distributions are mixed at every token, as they are in generation.

    Raises: InputError for a model in training mode, an encoder-decoder, or a text of no token; ModelError where the
    model fails.
    """
    _check(adapter)
    if adapter.family is GENERIC:
        return [_log_likelihoods(adapter, [mixture], text)[0] for mixture in mixtures]
    return _log_likelihoods(adapter, mixtures, text) if mixtures else []


def as_written(adapter: ChatAdapter, mixture: Mixture, texts: Sequence[str]) -> list[str]:
    """`texts` as the model would answer `mixture` with them: after a space or none, with a capital or as they are.

    Models keep to one of these, by their training and their template, and find the others unlikely whatever they see.
    The one whose first tokens are likeliest, all texts together; one pass. Raises as `log_likelihoods`.
    """
    _check(adapter)
    styles = [list(texts), [f" {text}" for text in texts]]
    styles += [[_capital(text) for text in style] for style in styles]
    styles = [style for style in styles if len(set(style)) == len(set(texts))]
    inputs = adapter.encode(mixture.prompts)
    with running(adapter.name, prompts=len(mixture.prompts), visual_tokens=None), adapter.turn, torch.inference_mode():
        logits_NV = adapter.model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1].float()
        shares_V = torch.tensor(mixture.weights, device=logits_NV.device) @ logits_NV.softmax(-1)
    likely = [sum(float(shares_V[_ids(adapter, text)[0]]) for text in style) for style in styles]
    return styles[likely.index(max(likely))]


def _capital(text: str) -> str:
    """The same with its first letter large, spaces before it aside."""
    word = text.lstrip()
    return text[: len(text) - len(word)] + word[:1].upper() + word[1:]


def followed(adapter: ChatAdapter, prompts: Sequence[Prompt], text: str) -> tuple[dict[str, Any], Tensor]:
    """The encoded prompts with `text` after each, and (n, t) its token ids; control tokens in it are text.

    Raises: InputError for a text of no token, or where the processor refuses a prompt.
    """
    inputs = adapter.encode(prompts)
    ids_NT = torch.tensor([_ids(adapter, text)] * len(prompts), device=inputs["input_ids"].device)
    return _joined(inputs, ids_NT), ids_NT


def _ids(adapter: ChatAdapter, text: str) -> list[int]:
    """The tokens of `text`, of which there is one at least."""
    ids: list[int] = adapter.processor.tokenizer(neutralise(text, adapter.controls), add_special_tokens=False).input_ids
    if not ids:
        raise InputError(f"a text of at least one token is needed, got {text!r}")
    return ids


def _check(adapter: ChatAdapter) -> None:
    """Nothing; InputError for a model whose likelihoods cannot be read."""
    if adapter.model.training:
        raise InputError(f"{adapter.name} needs to be in evaluation mode, got training mode; call model.eval()")
    if adapter.model.config.is_encoder_decoder:
        raise InputError(f"{adapter.name} is an encoder-decoder, whose likelihoods are not read; judge by its answers")


def forced(adapter: ChatAdapter, inputs: dict[str, Any], tokens: int) -> Tensor:
    """(n, tokens, V) what the model expects at each of the last `tokens` places of what it is given."""
    logits: Tensor = adapter.model(**inputs, use_cache=False, logits_to_keep=tokens + 1).logits
    return logits[:, :-1]


def _log_likelihoods(adapter: ChatAdapter, mixtures: Sequence[Mixture], text: str) -> list[float]:
    prompts = [prompt for mixture in mixtures for prompt in mixture.prompts]
    inputs, ids_NT = followed(adapter, prompts, text)
    with running(adapter.name, prompts=len(prompts), visual_tokens=None), adapter.turn, torch.inference_mode():
        logits_NTV = forced(adapter, inputs, ids_NT.shape[1]).float()
        said_NT = logits_NTV.log_softmax(-1).gather(-1, ids_NT[..., None])[..., 0]
    if not said_NT.isfinite().all():
        raise ModelError(f"{adapter.name} gave numbers that are not finite; load it in bfloat16 or float32")
    groups = torch.split(said_NT, [len(mixture.prompts) for mixture in mixtures])
    return [_mixed(group, mixture.weights) for group, mixture in zip(groups, mixtures, strict=True)]


def _mixed(said_NT: Tensor, weights: Sequence[float]) -> float:
    log_weights_N1 = torch.tensor(weights, device=said_NT.device).log()[:, None]
    return float(torch.logsumexp(said_NT + log_weights_N1, dim=0).mean())


def _joined(inputs: Any, ids_NT: Tensor) -> dict[str, Any]:
    """The same batch with tokens of text after each prompt, which is padded on the left."""
    tails = {"input_ids": ids_NT, "attention_mask": torch.ones_like(ids_NT)}
    shape = inputs["input_ids"].shape
    # What else has a value a token says of which kind it is, and 0 is text.
    kinds = [key for key, values in inputs.items() if key not in tails and values.shape == shape]
    tails |= {key: torch.zeros_like(ids_NT) for key in kinds}
    return {**inputs, **{key: torch.cat([inputs[key], tail], dim=1) for key, tail in tails.items()}}
