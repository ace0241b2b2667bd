"""How much the last token of a prompt attends to each token before it, at chosen layers of any decoder.

transformers lets anyone register an attention function under a name, and each attention module looks that name up in
the configuration that it holds. For the length of one pass the chosen modules hold a stand-in that names the function
here: it computes one row of weights where a full matrix would cost memory with the square of the prompt, and ends the
pass after the deepest of them. No other module, and no configuration, is touched.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from semclip.errors import InputError, MissingExtra, ModelError

try:
    import torch
    from torch import Tensor, nn
    from transformers import AttentionInterface
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "transformers", extra="torch") from missing

_NAME = "semclip_last_token"
# Two stand-ins for one configuration would each restore the other.
_ONE_AT_A_TIME = threading.Lock()


class _Enough(Exception):
    """The deepest layer has been read: nothing after it matters."""


class _Recorder:
    """Stands in for the configuration of one attention module until the thread that put it there has read it."""

    def __init__(self, config: Any, *, deepest: bool) -> None:
        self.config, self.deepest = config, deepest
        self.thread = threading.get_ident()
        self.weights: Tensor | None = None
        self._attn_implementation = _NAME

    def __getattr__(self, name: str) -> Any:
        return getattr(self.config, name)


def attention(model: Any, inputs: Mapping[str, Any], layers: Sequence[int]) -> Tensor:
    """(batch, layers, tokens) float32 on the CPU: what the last token pays each, the mean over heads, 1 in all.

    The model is as it was afterwards, whatever happens.
    Raises: InputError for a layer that does not exist; ModelError for a model whose attention cannot be read.
    """
    modules = attention_modules(model)
    if not layers or not all(0 <= layer < len(modules) for layer in layers):
        raise InputError(f"layers need to be from 0 to {len(modules) - 1}, got {list(layers)}")
    with _recording([modules[layer] for layer in layers], modules[max(layers)]) as recorders:
        try:
            model(**inputs, use_cache=False, logits_to_keep=1)
        except _Enough:
            pass
    rows = [recorder.weights.cpu() for recorder in recorders if recorder.weights is not None]
    if len(rows) < len(layers):
        raise ModelError("attention cannot be read: the model does not ask transformers' AttentionInterface for it")
    return torch.stack(rows, dim=1)


def attention_modules(model: Any) -> list[nn.Module]:
    """The self-attention of each decoder layer, first to last. Raises: ModelError for a model that has none."""
    layers = getattr(model.get_decoder(), "layers", ())
    modules = [layer.self_attn for layer in layers if hasattr(layer, "self_attn")]
    if not modules or len(modules) < len(layers):
        raise ModelError(f"attention needs a decoder of layers with self_attn each, got {type(model).__name__}")
    return modules


@contextmanager
def _recording(modules: Sequence[Any], deepest: Any) -> Iterator[list[_Recorder]]:
    with _ONE_AT_A_TIME:
        recorders = {module: _Recorder(module.config, deepest=module is deepest) for module in modules}
        try:
            for module, recorder in recorders.items():
                module.config = recorder
            yield [recorders[module] for module in modules]
        finally:
            for module, recorder in recorders.items():
                module.config = recorder.config


def _record(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **options: Any) -> Any:
    """What the module's own attention function returns; notes the last row where this thread asked for it."""
    config = module.config
    if isinstance(config, _Recorder):
        if config.thread == threading.get_ident():
            terms = {"scaling": options.get("scaling"), "window": options.get("sliding_window")}
            config.weights = last_row(query, key, mask, **terms)
            if config.deepest:
                raise _Enough
            module.config = config.config
        config = config.config
    # The module's own look-up, as it stands in the file of its class.
    file: Any = sys.modules[type(module).__module__]
    own = file.ALL_ATTENTION_FUNCTIONS.get_interface(config._attn_implementation, file.eager_attention_forward)
    return own(module, query, key, value, mask, **options)


def last_row(query: Tensor, key: Tensor, mask: Any, *, scaling: float | None, window: int | None) -> Tensor:
    """(batch, keys) softmax weights of the last query, the mean over heads, float32.

    `query` is (batch, heads, queries, d), `key` (batch, key heads, keys, d) with key heads dividing heads. `mask` is
    what transformers gives an attention function: (batch, 1, queries, keys), True where attended or additive, or
    (batch, keys), or none; `window`: how many of the last keys are seen.
    Raises: ModelError for the mask of flex_attention, which is no tensor.
    """
    if mask is not None and not isinstance(mask, Tensor):
        raise ModelError("attention needs a model loaded with sdpa, eager or flash attention, got flex_attention")
    last = query[:, :, -1].float().reshape(len(query), key.shape[1], -1, query.shape[-1])
    logits = last @ key.float().transpose(2, 3) * (scaling or query.shape[-1] ** -0.5)
    if window:
        logits[..., :-window] = -torch.inf
    if mask is not None:
        row = mask[:, :, -1:] if mask.ndim == 4 else mask[:, None, None].bool()
        logits = logits.masked_fill(~row, -torch.inf) if row.dtype == torch.bool else logits + row
    return logits.softmax(-1).mean((1, 2))


AttentionInterface.register(_NAME, _record)
