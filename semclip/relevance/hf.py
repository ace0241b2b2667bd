"""ψ from a CLIP, SigLIP or SigLIP 2 of transformers: a hub id or a local folder.

Knows how the three families take pixels and text; what is done with their features is in towers.py. Remote code and
pickled weights are never loaded.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from semclip.errors import MissingExtra, ModelError, loading
from semclip.geometry import Size
from semclip.relevance.towers import DualEncoder, Preprocess, Tokenize, Towers, choose_settings, dual_encoder

try:
    import torch
    from torch import Tensor
    from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "transformers", extra="torch") from missing

# SigLIP was trained on texts padded to full length and reads its last token: any other padding changes the features.
_PADDING: dict[str, bool | str] = {"clip": False, "siglip": "max_length", "siglip2": "max_length"}
_FLAWS = ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")
# 0, 1, 2 ...: a buffer in checkpoints of old transformers, OpenAI's CLIP among them; today's models make their own.
_OBSOLETE = ".embeddings.position_ids"


def load(
    spec: str,
    /,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    batch_size: int = 32,
) -> DualEncoder:
    """The dual encoder that `spec`, a hub id or a folder, names.

    By default it runs on the GPU if there is one, in the dtype that `devices.fast_dtype` picks.
    Raises ModelError for an unknown model, for one that cannot be fetched or is of another family, and for weights that
    do not fit exactly.
    """
    name = f"hf:{spec}"
    with loading(name):
        settings = choose_settings(device, dtype, batch_size=batch_size)
        config = AutoConfig.from_pretrained(spec, trust_remote_code=False)
        if config.model_type not in _PADDING:
            raise ModelError(f"{name} needs one of the types {', '.join(_PADDING)}, got {config.model_type}")
        model, report = AutoModel.from_pretrained(
            spec, dtype=torch.float32, use_safetensors=True, output_loading_info=True, trust_remote_code=False
        )
        _require_exact(name, report)
        return dual_encoder(name, _towers(model, spec), settings=settings)


def _require_exact(name: str, report: Mapping[str, Any]) -> None:
    found = {flaw: sorted(key for key in map(str, report[flaw]) if not key.endswith(_OBSOLETE)) for flaw in _FLAWS}
    flaws = [f"{flaw}: {', '.join(keys)}" for flaw, keys in found.items() if keys]
    if flaws:
        got = textwrap.shorten("; ".join(flaws), 300)
        raise ModelError(f"{name} needs weights that fit its configuration exactly, got {got}")


def _architecture(config: Any) -> dict[str, Any]:
    """The configuration without where it came from and what wrote it."""
    origin = {"_name_or_path", "architectures", "dtype", "transformers_version"}
    return {"library": "transformers"} | {key: value for key, value in config.to_dict().items() if key not in origin}


def rebuild(architecture: Mapping[str, Any], *, preprocess: Preprocess, tokenize: Tokenize) -> Towers:
    """The towers of `Towers.architecture`, with weights that are yet to be loaded.

    Raises what transformers raises on a configuration that it cannot build.
    """
    settings = {key: value for key, value in architecture.items() if key != "library"}
    if settings.get("model_type") not in _PADDING:
        raise ModelError(f"transformers needs one of the types {', '.join(_PADDING)}, got {settings.get('model_type')}")
    return _wrapped(AutoModel.from_config(AutoConfig.for_model(**settings)), preprocess, tokenize)


def _towers(model: Any, spec: str) -> Towers:
    constants = AutoImageProcessor.from_pretrained(spec, trust_remote_code=False)
    vision, text = model.config.vision_config, model.config.text_config
    patchwise = model.config.model_type == "siglip2"
    side_px = _patches_a_side(constants) * vision.patch_size if patchwise else vision.image_size
    preprocess = Preprocess(Size(side_px, side_px), tuple(constants.image_mean), tuple(constants.image_std))
    tokenizer = AutoTokenizer.from_pretrained(spec, trust_remote_code=False)
    padding = _PADDING[model.config.model_type]
    tokenize = partial(_tokenize, tokenizer, length=text.max_position_embeddings, padding=padding)
    return replace(_wrapped(model, preprocess, tokenize), tokenizer=tokenizer)


def _wrapped(model: Any, preprocess: Preprocess, tokenize: Tokenize) -> Towers:
    return Towers(
        model=model,
        preprocess=preprocess,
        encode_images=partial(_encode_patches if model.config.model_type == "siglip2" else _encode_images, model),
        tokenize=tokenize,
        encode_text=partial(_encode_text, model),
        architecture=_architecture(model.config),
    )


def _patches_a_side(constants: Any) -> int:
    """The side of the largest square that SigLIP 2's patch budget admits."""
    return math.isqrt(constants.max_num_patches)


def _encode_images(model: Any, pixels_NCHW: Tensor) -> Tensor:
    features: Tensor = model.get_image_features(pixel_values=pixels_NCHW).pooler_output
    return features


def _encode_patches(model: Any, pixels_NCHW: Tensor) -> Tensor:
    """SigLIP 2's flexible-resolution tower takes rows of patches, each (patch, patch, 3) flattened."""
    side = model.config.vision_config.patch_size
    count, channels, height, width = pixels_NCHW.shape
    rows, columns = height // side, width // side
    grid = pixels_NCHW.reshape(count, channels, rows, side, columns, side)
    patches_NPD = grid.permute(0, 2, 4, 3, 5, 1).reshape(count, rows * columns, -1)
    features: Tensor = model.get_image_features(
        pixel_values=patches_NPD,
        pixel_attention_mask=torch.ones(count, rows * columns, dtype=torch.int32, device=pixels_NCHW.device),
        spatial_shapes=torch.tensor([[rows, columns]] * count, device=pixels_NCHW.device),
    ).pooler_output
    return features


def _tokenize(tokenizer: Any, text: str, *, length: int, padding: bool | str) -> Tensor:
    # All three families were trained on lower-case text; SigLIP 2's tokenizer leaves that to the caller.
    ids: Tensor = tokenizer(
        text.lower(), padding=padding, truncation=True, max_length=length, return_tensors="pt"
    ).input_ids
    return ids


def _encode_text(model: Any, ids: Tensor) -> Tensor:
    features: Tensor = model.get_text_features(input_ids=ids).pooler_output
    return features
