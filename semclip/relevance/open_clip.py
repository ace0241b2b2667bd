"""ψ from any model of open_clip: a built-in name with its pretrained tag, a hub repository or a local folder.

Knows where open_clip keeps weights, configuration and tokenizer; what is done with them is in towers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from semclip.errors import MissingExtra, ModelError, loading
from semclip.geometry import Size
from semclip.relevance.towers import DualEncoder, Preprocess, Tokenize, Towers, choose_settings, dual_encoder

try:
    import open_clip
    import torch
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "open_clip", extra="torch") from missing


@dataclass(frozen=True, slots=True)
class _Source:
    """`model` and `tag` as open_clip spells them; a hub repository and a folder have no tag."""

    model: str
    tag: str | None
    quick_gelu: bool


def load(
    spec: str,
    /,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    batch_size: int = 32,
) -> DualEncoder:
    """The dual encoder that `spec` names: MODEL/PRETRAINED, hf-hub:ORG/NAME or local-dir:PATH.

    By default it runs on the GPU if there is one, in the dtype that `devices.fast_dtype` picks.
    A checkpoint that is a pickle is read as bare tensors only.
    Raises ModelError for an unknown model, for one that cannot be fetched, and for weights that do not fit exactly;
    open_clip's own rules stand: a missing logit_bias is 0, positions of another number are interpolated.
    """
    name = f"open_clip:{spec}"
    with loading(name):
        settings = choose_settings(device, dtype, batch_size=batch_size)
        source = _source(spec)
        model = open_clip.create_model(
            source.model, source.tag, force_quick_gelu=source.quick_gelu, require_pretrained=True
        )
        return dual_encoder(name, _towers(model, source), settings=settings)


def rebuild(architecture: Mapping[str, Any], *, preprocess: Preprocess, tokenize: Tokenize) -> Towers:
    """The towers of `Towers.architecture`, with weights that are yet to be loaded.

    Raises what open_clip raises on a configuration that it cannot build.
    """
    config = deepcopy({key: architecture[key] for key in architecture if key not in ("library", "force_quick_gelu")})
    if architecture["force_quick_gelu"]:
        config["quick_gelu"] = True
    # As open_clip.create_model does, which wants a folder or a name and warns of missing weights.
    custom = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
    custom_kind = open_clip.CoCa if "multimodal_cfg" in config else open_clip.CustomTextCLIP
    config["vision_cfg"]["timm_model_pretrained"] = config["text_cfg"]["hf_model_pretrained"] = False
    model = (custom_kind if custom else open_clip.CLIP)(**config)
    return _wrapped(model, preprocess, tokenize, architecture=architecture)


def _source(spec: str) -> _Source:
    if spec.startswith(("hf-hub:", "local-dir:")):
        return _Source(spec, tag=None, quick_gelu=False)
    model, _, tag = spec.partition("/")
    if model not in open_clip.list_models():
        raise ModelError(
            f"open_clip:{spec} needs a model that open_clip knows, got {model}; see open_clip.list_models()"
        )
    if not tag:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model))
        raise ModelError(f"open_clip:{model}/PRETRAINED needs a file of weights or a tag, got none; tags: {tags}")
    # Some tags were trained with another activation than their model's configuration names; open_clip only warns.
    trained = open_clip.get_pretrained_cfg(model, tag)
    return _Source(model, tag, quick_gelu=bool(trained.get("quick_gelu", False)))


def _towers(model: Any, source: _Source) -> Towers:
    constants = model.visual.preprocess_cfg
    size = constants["size"]
    height, width = (size, size) if isinstance(size, int) else size
    preprocess = Preprocess(Size(width, height), tuple(constants["mean"]), tuple(constants["std"]))
    config = open_clip.get_model_config(source.model)
    architecture = {**config, "library": "open_clip", "force_quick_gelu": source.quick_gelu}
    tokenizer = open_clip.get_tokenizer(source.model)
    return replace(_wrapped(model, preprocess, tokenizer, architecture=architecture), tokenizer=tokenizer)


def _wrapped(model: Any, preprocess: Preprocess, tokenize: Tokenize, *, architecture: Mapping[str, Any]) -> Towers:
    return Towers(
        model=model,
        preprocess=preprocess,
        encode_images=model.encode_image,
        tokenize=tokenize,
        encode_text=model.encode_text,
        architecture=architecture,
    )
