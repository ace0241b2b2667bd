"""What is known of each family of models: how it is best shown pictures, and what these cost in visual tokens.

Knows processors by their attributes alone and imports no library of theirs. What a processor charges is read off its
own configuration, as a checkpoint or its user may have set it; where this takes an unusual form, and for families that
are not known, it is measured by running the processor on blank pictures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from semclip.adapters import tokens
from semclip.errors import InputError
from semclip.geometry import Size
from semclip.selection import CountTokens
from semclip.types import Style

Reader = Callable[[Any, bool], CountTokens | None]
"""(processor, tiling) -> its counter; None where it is configured in a way that the arithmetic does not cover."""

_MEMORY = 4096
# What is longer, SmolVLM's processor scales a second time.
_SMOLVLM_MOST_PX = 4096
# What the processors of InternVL and Gemma 3 said before they said it in an attribute.
_UNSTATED: Mapping[str, bool] = {"crop_to_patches": True, "do_pan_and_scan": False}


@dataclass(frozen=True)
class Family:
    """Models that are shown pictures alike.

    `untiled` are the options of a processor's call, as `processor_kwargs` of `apply_chat_template` takes them, that
    keep it from cutting pictures into tiles; empty where there is no such option.
    """

    title: str
    style: Style
    untiled: Mapping[str, Any] = field(default_factory=dict)
    count: Reader = lambda processor, tiling: None


def family_of(model_type: str) -> Family:
    """The family of a model by `config.model_type`; GENERIC where it is not known."""
    return FAMILIES.get(model_type, GENERIC)


def counter(processor: Any, family: Family, *, tiling: bool) -> CountTokens:
    """What pictures of some sizes, together in one prompt, cost with this processor.

    The processor's configuration is read now: a counter does not follow later changes of it. The counter raises
    InputError for sizes that the processor refuses.
    """
    return family.count(processor, tiling) or _measured(processor, {} if tiling else family.untiled)


def placeholder_id(processor: Any) -> int | None:
    """The id of the token that stands for picture features; None where the processor names none."""
    # Gemma 3's processor calls the mark before a picture its image token; the tokenizer knows better.
    for holder in (processor.tokenizer, processor):
        token_id = getattr(holder, "image_token_id", None)
        if token_id is not None:
            return int(token_id)
    return None


def _measured(processor: Any, options: Mapping[str, Any]) -> CountTokens:
    """A counter that runs the processor on blank pictures, once for each list of sizes."""
    token_id = placeholder_id(processor)
    if token_id is None:
        name = type(processor).__name__
        raise InputError(f"visual tokens are counted by the processor's image token, but {name} has none")

    @lru_cache(_MEMORY)
    def measure(sizes: tuple[Size, ...]) -> int:
        return _encoded_blank(processor, sizes, options).count(token_id)

    return lambda sizes: measure(tuple(sizes)) if sizes else 0


def _encoded_blank(processor: Any, sizes: Sequence[Size], options: Mapping[str, Any]) -> list[int]:
    from PIL import Image

    blanks = [Image.new("RGB", (size.width, size.height)) for size in sizes]
    content = [*({"type": "image", "image": blank} for blank in blanks), {"type": "text", "text": "?"}]
    messages = [[{"role": "user", "content": content}]]
    try:
        encoded = processor.apply_chat_template(
            messages, tokenize=True, return_dict=True, return_tensors="pt", processor_kwargs=dict(options)
        )
    # Processors of any author raise what they like.
    except Exception as error:
        given = ", ".join(str(size) for size in sizes)
        reason = textwrap.shorten(str(error), 300)
        raise InputError(f"{type(processor).__name__} takes no pictures of {given} ({reason}); resize them") from error
    ids: list[int] = encoded["input_ids"][0].tolist()
    return ids


def _llava(processor: Any, _tiling: bool) -> CountTokens | None:
    pictures = processor.image_processor
    side = pictures.crop_size if pictures.do_center_crop else pictures.size
    if not side or not side.get("height") or not side.get("width"):
        return None
    patches = (side["height"] // processor.patch_size) * (side["width"] // processor.patch_size)
    return tokens.fixed_tokens(patches + _extra_tokens(processor))


def _llava_next(processor: Any, _tiling: bool) -> CountTokens | None:
    tile_px = _tile_px(processor.image_processor)
    if tile_px is None or _extra_tokens(processor) != 0:
        return None
    patches = tile_px // processor.patch_size
    return tokens.anyres_tokens(_grids(processor), tile_px=tile_px, patches=patches)


def _extra_tokens(processor: Any) -> int:
    """What a picture costs beside its patches: a class token that the tower adds and the model may drop."""
    dropped: bool = processor.vision_feature_select_strategy == "default"
    return int(processor.num_additional_image_tokens) - dropped


def _llava_onevision(processor: Any, _tiling: bool) -> CountTokens | None:
    tile_px = _tile_px(processor.image_processor)
    patches = round(processor.num_image_tokens**0.5)
    limit = processor.vision_aspect_ratio.removeprefix("anyres_max_")
    usual = patches**2 == processor.num_image_tokens and processor.vision_feature_select_strategy == "full"
    if tile_px is None or not usual or not limit.isdecimal():
        return None
    return tokens.onevision_tokens(_grids(processor), tile_px=tile_px, patches=patches, max_tiles=int(limit))


def _grids(processor: Any) -> list[Size]:
    return [Size(width, height) for height, width in processor.image_processor.image_grid_pinpoints]


def _tile_px(pictures: Any) -> int | None:
    """The side of the square that the tower sees; None where it is none."""
    side = pictures.crop_size if pictures.do_center_crop else pictures.size
    edges = {side.get("height"), side.get("width")} if side else {None}
    return edges.pop() if len(edges) == 1 else None


def _qwen(processor: Any, _tiling: bool) -> CountTokens:
    pictures = processor.image_processor
    side_px = pictures.patch_size * pictures.merge_size
    min_tokens, max_tokens = (Fraction(pictures.size[edge], side_px**2) for edge in ("shortest_edge", "longest_edge"))
    return tokens.patch_tokens(side_px, min_tokens=min_tokens, max_tokens=max_tokens)


def _smolvlm(processor: Any, tiling: bool) -> CountTokens | None:
    pictures, per_tile = processor.image_processor, processor.image_seq_len
    if not (tiling and _option(processor, "do_image_splitting")):
        return tokens.fixed_tokens(per_tile)
    long_px = pictures.size.get("longest_edge")
    if not pictures.do_resize or not long_px or long_px > _SMOLVLM_MOST_PX:
        return None
    return tokens.split_tokens(long_px, tile_px=pictures.max_image_size["longest_edge"], per_tile=per_tile)


def _internvl(processor: Any, tiling: bool) -> CountTokens | None:
    pictures, per_tile = processor.image_processor, processor.image_seq_length
    if not (tiling and _option(processor, "crop_to_patches")):
        return tokens.fixed_tokens(per_tile)
    tile_px = _tile_px(pictures)
    if tile_px is None:
        return None
    least, most = pictures.min_patches, pictures.max_patches
    return tokens.tile_tokens(tile_px, per_tile=per_tile, min_tiles=least, max_tiles=most)


def _gemma3(processor: Any, tiling: bool) -> CountTokens | None:
    if tiling and _option(processor, "do_pan_and_scan"):
        return None
    return tokens.fixed_tokens(processor.image_seq_length)


def _option(processor: Any, name: str) -> Any:
    """What holds unless a call says otherwise: the processor's word comes before its image processor's."""
    options = getattr(processor, "images_kwargs", _UNSTATED)
    return options.get(name, getattr(processor.image_processor, name))


_QWEN = Style(crop_px=(448, 1024))

GENERIC = Family("any other model with a chat template for pictures", Style())

FAMILIES: dict[str, Family] = {
    "llava": Family(
        "LLaVA-1.5",
        # At 336 px a montage shows crops no larger than the model alone sees the photo.
        Style(fusion="ensemble", fixed=True, square=True, canvases=(Size(336, 336),)),
        count=_llava,
    ),
    "llava_next": Family(
        "LLaVA-NeXT",
        Style(fusion="montage", canvases=(Size(672, 672), Size(336, 672), Size(672, 336), Size(336, 336))),
        count=_llava_next,
    ),
    "llava_onevision": Family("LLaVA-OneVision", Style(), count=_llava_onevision),
    "qwen2_vl": Family("Qwen2-VL", _QWEN, count=_qwen),
    "qwen2_5_vl": Family("Qwen2.5-VL", _QWEN, count=_qwen),
    "qwen3_vl": Family("Qwen3-VL", _QWEN, count=_qwen),
    "qwen3_vl_moe": Family("Qwen3-VL (mixture of experts)", _QWEN, count=_qwen),
    "smolvlm": Family("SmolVLM", Style(), untiled={"images_kwargs": {"do_image_splitting": False}}, count=_smolvlm),
    "idefics3": Family("Idefics3", Style(), untiled={"images_kwargs": {"do_image_splitting": False}}, count=_smolvlm),
    "internvl": Family("InternVL", Style(), untiled={"images_kwargs": {"crop_to_patches": False}}, count=_internvl),
    "gemma3": Family(
        "Gemma 3",
        Style(fixed=True),
        untiled={"images_kwargs": {"do_pan_and_scan": False}},
        count=_gemma3,
    ),
}
"""By `config.model_type`."""


@dataclass(frozen=True)
class Published:
    """A checkpoint as its publisher configured it: the family it is of, and what pictures cost it."""

    family: Family
    count: CountTokens


PUBLISHED: dict[str, Published] = {
    "llava-1.5": Published(FAMILIES["llava"], tokens.fixed_tokens(576)),
    "llava-next": Published(FAMILIES["llava_next"], tokens.anyres_tokens()),
    "llava-onevision": Published(FAMILIES["llava_onevision"], tokens.onevision_tokens()),
    "qwen2-vl": Published(FAMILIES["qwen2_vl"], tokens.patch_tokens(28)),
    "qwen2.5-vl": Published(FAMILIES["qwen2_5_vl"], tokens.patch_tokens(28)),
    "qwen3-vl": Published(FAMILIES["qwen3_vl"], tokens.patch_tokens(32, min_tokens=64)),
    "smolvlm": Published(FAMILIES["smolvlm"], tokens.split_tokens(1536, tile_px=384, per_tile=81)),
    "smolvlm-500m": Published(FAMILIES["smolvlm"], tokens.split_tokens(2048, tile_px=512, per_tile=64)),
    "idefics3": Published(FAMILIES["idefics3"], tokens.split_tokens(1456, tile_px=364, per_tile=169)),
    "internvl": Published(FAMILIES["internvl"], tokens.tile_tokens(448, per_tile=256, max_tiles=12)),
    "gemma3": Published(FAMILIES["gemma3"], tokens.fixed_tokens(256)),
}
"""By the names that `ServerOptions.family` takes. Counts hold where processors are left as they are: they tile."""
