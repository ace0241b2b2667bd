"""From the name of a base, or the folder of an earlier training, to towers and heads in float32.

The scale of the cosine is the heads' alone: towers that come with one of their own lose it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from semclip.errors import ModelError, loading
from semclip.geometry import Size
from semclip.relevance import hf, open_clip
from semclip.relevance.checkpoint import CropSettings, read_config
from semclip.relevance.towers import DualEncoder, Preprocess, Settings, Tokenize, Towers, fingerprint
from semclip.training.crops.heads import Heads
from semclip.training.crops.module import CropsModule
from semclip.training.crops.siglip2 import at_one_size
from semclip.training.crops.tokens import portable_tokens
from semclip.training.export import load_weights
from semclip.training.tokens import Tokens, read_tokens

_SCALES = ("logit_scale", "logit_bias")


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A base, frozen, on the device that was asked for; its towers tokenize as the saved ψ will."""

    name: str
    parts: CropsModule
    tokens: Tokens


def open_base(name: str, *, device: torch.device) -> Opened:
    """The base called `name`: `open_clip:…` and `hf:…` as for ψ, or the folder of a ψ that was trained from one.

    Raises: ModelError where it cannot be loaded, and where its tokenizer cannot be saved.
    """
    library, _, spec = name.partition(":")
    loaders = {"open_clip": open_clip.load, "hf": hf.load}
    load = loaders.get(library)
    opened = _fresh(name, load(spec, device="cpu", dtype=torch.float32)) if load else _saved(name)
    opened.parts.eval().requires_grad_(False).to(device)
    return opened


def rebuild(architecture: Mapping[str, Any], preprocess: Preprocess, tokenize: Tokenize) -> CropsModule:
    """Towers and heads as `Towers.architecture` says, with weights that are yet to be loaded."""
    builders = {"open_clip": open_clip.rebuild, "transformers": hf.rebuild}
    with loading("the model of a psi's config.json", check="that file, and the versions of the libraries"):
        towers = builders[architecture["library"]](architecture, preprocess=preprocess, tokenize=tokenize)
        towers.model.eval()
        return CropsModule(_without_scales(towers), Heads(_dim(towers)))


def encoder(name: str, towers: Towers, settings: Settings) -> DualEncoder:
    """What turns crops and questions into features of length 1, with the weights as they stand; moves them."""
    header = {**towers.architecture, "dtype": str(settings.dtype), "preprocess": asdict(towers.preprocess)}
    stamp = fingerprint(towers.model.state_dict(), header)
    towers.model.to(device=settings.device, dtype=settings.dtype)
    return DualEncoder(name, stamp, towers, settings, logit_scale=1.0, logit_bias=0.0)


def _fresh(name: str, loaded: DualEncoder) -> Opened:
    towers, tokens = loaded.towers, portable_tokens(name, loaded.towers)
    scales = {key: float(value) for key, value in towers.model.state_dict().items() if key in _SCALES}
    if towers.architecture.get("model_type") == "siglip2":
        towers = at_one_size(towers)
    towers = replace(towers, tokenize=tokens)
    heads = Heads(_dim(towers), log_scale=scales["logit_scale"], bias=scales.get("logit_bias", 0.0))
    return Opened(name, CropsModule(_without_scales(towers), heads), tokens)


def _saved(folder: str) -> Opened:
    config = read_config(Path(folder))
    if not isinstance(config.encoder, CropSettings):
        raise ModelError(f"{folder} needs to hold a psi that encodes crop by crop, got one that is {config.kind}")
    crops = config.encoder
    preprocess = Preprocess(Size(crops.width, crops.height), crops.mean, crops.std)
    tokens = read_tokens(Path(folder), config.text)
    parts = rebuild(config.model, preprocess, tokens)
    load_weights(parts, Path(folder))
    return Opened(folder, parts, tokens)


def _without_scales(towers: Towers) -> Towers:
    """The same, whose model has lost its own scale and bias."""
    model: nn.Module = towers.model
    for key in [key for key, _ in model.named_parameters(recurse=False) if key in _SCALES]:
        delattr(model, key)
    return towers


def _dim(towers: Towers) -> int:
    """How long a feature is."""
    with torch.inference_mode():
        return int(towers.encode_text(towers.tokenize("a")).shape[-1])
