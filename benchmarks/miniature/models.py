"""The two models before they have learnt anything: configurations and processors of real classes, at toy sizes.

Both see 36 tokens in a picture of 96 x 96 px: LLaVA through a small Swin, Qwen2.5-VL through its own tower with 8 px
patches. Letters are bytes, common words one token.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from benchmarks.miniature.questions import KINDS, answers_of, ask
from benchmarks.miniature.world import draw_scene
from semclip.devices import fast_dtype
from semclip.geometry import Size
from semclip.prompts import ENGLISH, Arrangement, compose_montage

Family = Literal["llava", "qwen"]
FAMILIES: tuple[Family, ...] = ("llava", "qwen")

SIDE_PX = 96
"""Of a picture as the models see it; Qwen's keeps its shape at no more than this area."""
TOKEN_PX = 16
GRID = SIDE_PX // TOKEN_PX
WIDTH = 192
"""Of the language models."""

_VOCABULARY = 640
_LAYERS: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "max_position_embeddings": 2048,
}

LLAVA_TEMPLATE = """\
{% for message in messages %}{{ message['role'].upper() + ': ' }}\
{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}\
{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] + ' ' }}{% endfor %}\
{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"""
QWEN_TEMPLATE = """\
{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% for part in message['content'] %}\
{% if part['type'] == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}{% elif 'text' in part %}\
{{ part['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


def build(family: Family, *, seed: int = 0) -> tuple[Any, Any]:
    """Model and processor, with weights by lot."""
    config, processor = _llava() if family == "llava" else _qwen()
    torch.manual_seed(seed)
    model = AutoModelForImageTextToText.from_config(config)
    for name in ("eos_token_id", "pad_token_id", "bos_token_id"):
        setattr(model.generation_config, name, getattr(processor.tokenizer, name))
    return model, processor


def _llava() -> tuple[Any, Any]:
    marks = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    tokenizer = _tokenizer(*marks.values(), "<image>", **marks)
    sides = {"size": {"shortest_edge": SIDE_PX}, "crop_size": {"height": SIDE_PX, "width": SIDE_PX}}
    processor = transformers.LlavaProcessor(
        transformers.CLIPImageProcessor(**sides),
        tokenizer,
        patch_size=TOKEN_PX,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=LLAVA_TEMPLATE,
    )
    vision = transformers.SwinConfig(
        image_size=SIDE_PX,
        patch_size=4,
        embed_dim=48,
        depths=[2, 2, 6],
        num_heads=[2, 4, 8],
        window_size=GRID,
        drop_path_rate=0.0,
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=transformers.LlamaConfig(**_LAYERS, **_of(tokenizer)),
        image_token_index=processor.image_token_id,
        image_seq_length=GRID**2,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    return config, processor


_QWEN_CONTROLS = {
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
}


def _qwen() -> tuple[Any, Any]:
    marks = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    tokenizer = _tokenizer(*marks.values(), "<|im_start|>", *_QWEN_CONTROLS.values(), **marks)
    token_px = TOKEN_PX**2
    limits = {"size": {"shortest_edge": 4 * token_px, "longest_edge": SIDE_PX**2}, "patch_size": TOKEN_PX // 2}
    processor = transformers.Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessor(**limits),
        tokenizer,
        transformers.Qwen2VLVideoProcessor(**limits),
        chat_template=QWEN_TEMPLATE,
    )
    vision = {
        "depth": 5,
        "hidden_size": 128,
        "out_hidden_size": WIDTH,
        "intermediate_size": 384,
        "num_heads": 4,
        "patch_size": TOKEN_PX // 2,
        "window_size": SIDE_PX // 2,
        "fullatt_block_indexes": [1, 3, 4],
    }
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]}
    config = transformers.Qwen2_5_VLConfig(
        vision_config=vision,
        text_config={**_LAYERS, **_of(tokenizer), "rope_parameters": rope},
        **{f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in _QWEN_CONTROLS.items()},
        tie_word_embeddings=False,
    )
    return config, processor


def _of(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {"vocab_size": len(tokenizer), **{name: getattr(tokenizer, name) for name in names}}


def _tokenizer(*controls: str, **marks: Any) -> PreTrainedTokenizerFast:
    """Byte-level BPE, learnt from what is said in this world; `bos_token`, if any, begins each text."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY, special_tokens=list(controls), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(_sayings(), trainer)
    if bos := marks.get("bos_token"):
        beginning = [(bos, backend.token_to_id(bos))]
        backend.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=beginning)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **marks)


def _sayings() -> Iterator[str]:
    """Questions, answers and everything that semclip says beside them."""
    rng = random.Random(0)
    for seed in range(400):
        for kind in KINDS:
            asked = ask(draw_scene(seed), kind, rng)
            if asked is not None:
                yield f"USER: {asked.question} ASSISTANT: {asked.answer}"
                yield f"user\n{asked.question}\nassistant\n{asked.answer}"
    for place in ENGLISH.places:
        yield ENGLISH.overview.format(number=1)
        yield from (ENGLISH.crop.format(number=number, place=place) for number in range(2, 6))
        yield from montage_texts(place)
    yield from (f" {answer}" for kind in KINDS for answer in answers_of(kind) for _ in range(50))


def montage_texts(place: str) -> Iterator[str]:
    """What a montage of two crops of that place is described by, in each arrangement."""
    from PIL import Image

    picture = Image.new("RGB", (1, 1))
    for overview in ("above", "beside"):
        for crops in ("row", "column", "rows", "columns"):
            arrangement = Arrangement(overview, crops)
            yield compose_montage("", picture, places=[place] * 2, arrangement=arrangement).text


def begun(out: Path) -> dict[str, Tensor]:
    """The weights in OUT/model, by the names that the model in memory has."""
    model = AutoModelForImageTextToText.from_pretrained(out / "model", dtype=torch.float32)
    state: dict[str, Tensor] = model.state_dict()
    return state


def mixed_precision() -> torch.autocast:
    """A block that computes in bfloat16 where the CPU does so in hardware, elsewhere in float32."""
    dtype = fast_dtype(torch.device("cpu"))
    return torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16)


def keep(model: Any, processor: Any, out: Path) -> None:
    """Writes OUT/model, in bfloat16."""
    model.to(torch.bfloat16).save_pretrained(out / "model")
    model.to(torch.float32)
    processor.save_pretrained(out / "model")


def seen_size(family: Family, size: Size) -> Size:
    """What a picture of `size` measures when the model sees it, padding of LLaVA's aside."""
    if family == "llava":
        long = max(size.width, size.height)
        return Size(
            max(1, round(size.width * SIDE_PX / long)),
            max(1, round(size.height * SIDE_PX / long)),
        )
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    height, width = smart_resize(
        size.height, size.width, factor=TOKEN_PX, min_pixels=4 * TOKEN_PX**2, max_pixels=SIDE_PX**2
    )
    return Size(width, height)
