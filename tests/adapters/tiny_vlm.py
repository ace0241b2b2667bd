"""Vision-language models of some ten thousand weights: real classes, real control tokens, small pictures.

Each is saved to a folder and loads offline through AutoProcessor and AutoModelForImageTextToText. Text is bytes, so
any question survives a round trip. What a family does with a picture is what its published checkpoints do, at sides
of 28 to 64 px where theirs have 336 to 896.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from tests.adapters import templates

Built = tuple[Any, Any]
"""Configuration and processor."""

_LAYERS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_TEXT = {**_LAYERS, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 32768}
_PRINTABLE = 94

torch.set_num_threads(1)


def save(family: str, folder: Path) -> Path:
    """The folder of one model of FAMILY_NAMES, made there."""
    config, processor = _BUILDERS[family]()
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config)
    _stir(model)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _stir(model: Any) -> None:
    """Makes every weight tell in the answer, which greedy decoding then writes in printable ASCII, without an end."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
        # A last token that outshouts what came before it makes every answer the same endless loop.
        model.get_input_embeddings().weight.mul_(0.2)
        model.get_output_embeddings().weight[_PRINTABLE:] = 0


def _tokenizer(*controls: str, **marks: Any) -> PreTrainedTokenizerFast:
    """A token a byte, the printable first, then the control tokens; `bos_token`, if any, begins each text."""
    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=letters, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(list(controls))
    if bos := marks.get("bos_token"):
        beginning = [(bos, backend.token_to_id(bos))]
        backend.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=beginning)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **marks)


def _marks(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """What a text model's configuration says of its tokenizer."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {"vocab_size": len(tokenizer), **{name: getattr(tokenizer, name) for name in names}}


def _square(side_px: int) -> dict[str, int]:
    return {"height": side_px, "width": side_px}


def _llava() -> Built:
    tokenizer = _llama_tokenizer()
    sides = {"size": {"shortest_edge": 56}, "crop_size": _square(56)}
    processor = transformers.LlavaProcessor(
        transformers.CLIPImageProcessor(**sides), tokenizer, **_LLAVA_FEATURES, chat_template=templates.LLAVA
    )
    config = transformers.LlavaConfig(
        vision_config=_clip(),
        text_config=transformers.LlamaConfig(**_TEXT, **_marks(tokenizer)),
        image_token_index=processor.image_token_id,
        image_seq_length=16,
    )
    return config, processor


def _llava_next() -> Built:
    tokenizer = _llama_tokenizer()
    pinpoints = [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]]
    sides = {"size": {"shortest_edge": 56}, "crop_size": _square(56), "image_grid_pinpoints": pinpoints}
    processor = transformers.LlavaNextProcessor(
        transformers.LlavaNextImageProcessor(**sides), tokenizer, **_LLAVA_FEATURES, chat_template=templates.LLAVA_NEXT
    )
    config = transformers.LlavaNextConfig(
        vision_config=_clip(),
        text_config=transformers.MistralConfig(**_TEXT, **_marks(tokenizer)),
        image_token_index=processor.image_token_id,
        image_grid_pinpoints=pinpoints,
        image_seq_length=16,
    )
    return config, processor


_LLAVA_FEATURES: dict[str, Any] = {
    "patch_size": 14,
    "vision_feature_select_strategy": "default",
    "num_additional_image_tokens": 1,
}


def _llama_tokenizer() -> PreTrainedTokenizerFast:
    return _tokenizer("<s>", "</s>", "<pad>", "<image>", bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def _clip() -> Any:
    return transformers.CLIPVisionConfig(**_LAYERS, image_size=56, patch_size=14)


def _llava_onevision() -> Built:
    tokenizer = _qwen_tokenizer("<image>", "<video>")
    steps = range(56, 7 * 56, 56)
    pinpoints = [[height, width] for height in steps for width in steps]
    processor = transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=_square(56), image_grid_pinpoints=pinpoints),
        tokenizer,
        transformers.LlavaOnevisionVideoProcessor(size=_square(56)),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=templates.LLAVA_ONEVISION,
    )
    config = transformers.LlavaOnevisionConfig(
        vision_config=transformers.SiglipVisionConfig(**_LAYERS, image_size=56, patch_size=14, vision_use_head=False),
        text_config=transformers.Qwen2Config(**_TEXT, **_marks(tokenizer)),
        image_token_index=processor.image_token_id,
        video_token_index=processor.video_token_id,
        image_grid_pinpoints=pinpoints,
    )
    return config, processor


def _qwen_tokenizer(*controls: str, **names: Any) -> PreTrainedTokenizerFast:
    chat = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    return _tokenizer(*chat, *controls, eos_token="<|im_end|>", pad_token="<|endoftext|>", **names)


_QWEN_CONTROLS = {
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
}


def _qwen2_vl() -> Built:
    vision = {"embed_dim": 32, "hidden_size": 32}
    return _qwen("Qwen2VL", "Qwen2VL", vision, patch_px=14, template=templates.QWEN2_VL)


def _qwen2_5_vl() -> Built:
    vision = {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 64, "fullatt_block_indexes": [1]}
    return _qwen("Qwen2_5_VL", "Qwen2VL", vision, patch_px=14, template=templates.QWEN2_VL)


def _qwen3_vl() -> Built:
    vision = {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 64, "deepstack_visual_indexes": [0]}
    vision["num_position_embeddings"] = 16
    return _qwen("Qwen3VL", "Qwen3VL", vision, patch_px=16, template=templates.QWEN3_VL)


def _qwen(name: str, video: str, vision: Mapping[str, Any], *, patch_px: int, template: str) -> Built:
    """One generation of Qwen-VL; a picture costs 4 to 256 tokens."""
    tokenizer = _qwen_tokenizer(*_QWEN_CONTROLS.values())
    token_px = (2 * patch_px) ** 2
    limits = {"size": {"shortest_edge": 4 * token_px, "longest_edge": 256 * token_px}, "patch_size": patch_px}
    processor = getattr(transformers, f"{name}Processor")(
        transformers.Qwen2VLImageProcessor(**limits),
        tokenizer,
        getattr(transformers, f"{video}VideoProcessor")(**limits),
        chat_template=template,
    )
    ids = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in _QWEN_CONTROLS.items()}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    text = {key: value for key, value in _TEXT.items() if key != "head_dim" or name == "Qwen3VL"}
    config = getattr(transformers, f"{name}Config")(
        vision_config={"depth": 2, "num_heads": 2, "patch_size": patch_px, **vision},
        text_config={**text, **_marks(tokenizer), "rope_parameters": rope},
        **ids,
        tie_word_embeddings=False,
    )
    return config, processor


_IDEFICS3_CONTROLS = (
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)


def _idefics3() -> Built:
    controls = ("<|begin_of_text|>", "<pad>", *_IDEFICS3_CONTROLS)
    marks = {"bos_token": "<|begin_of_text|>", "eos_token": "<end_of_utterance>", "pad_token": "<pad>"}
    tokenizer = _tokenizer(*controls, **marks)
    processor = transformers.Idefics3Processor(
        transformers.Idefics3ImageProcessor(**_TILES), tokenizer, image_seq_len=4, chat_template=templates.IDEFICS3
    )
    return _idefics3_config("Idefics3", tokenizer), processor


def _smolvlm() -> Built:
    controls = ("<|im_start|>", *_IDEFICS3_CONTROLS, "<video>")
    tokenizer = _tokenizer(*controls, eos_token="<end_of_utterance>", pad_token="<|im_start|>")
    processor = transformers.SmolVLMProcessor(
        transformers.SmolVLMImageProcessor(**_TILES),
        tokenizer,
        transformers.SmolVLMVideoProcessor(**_TILES),
        image_seq_len=4,
        chat_template=templates.SMOLVLM,
    )
    return _idefics3_config("SmolVLM", tokenizer), processor


_TILES = {"size": {"longest_edge": 4 * 32}, "max_image_size": {"longest_edge": 32}}


def _idefics3_config(name: str, tokenizer: PreTrainedTokenizerFast) -> Any:
    return getattr(transformers, f"{name}Config")(
        vision_config={**_LAYERS, "image_size": 32, "patch_size": 8},
        text_config=transformers.LlamaConfig(**_TEXT, **_marks(tokenizer)),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )


def _internvl() -> Built:
    names = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    names |= {"video_token": "<video>"}
    tokenizer = _qwen_tokenizer(*names.values(), extra_special_tokens=names)
    processor = transformers.InternVLProcessor(
        transformers.GotOcr2ImageProcessor(size=_square(56), max_patches=12),
        tokenizer,
        transformers.InternVLVideoProcessor(size=_square(56)),
        image_seq_length=4,
        chat_template=templates.INTERNVL,
    )
    config = transformers.InternVLConfig(
        vision_config={**_LAYERS, "image_size": 56, "patch_size": 14},
        text_config=transformers.Qwen2Config(**_TEXT, **_marks(tokenizer)),
        image_token_id=processor.image_token_id,
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    return config, processor


def _gemma3() -> Built:
    names = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    controls = ("<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>", *names.values())
    marks = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "extra_special_tokens": names}
    tokenizer = _tokenizer(*controls, **marks)
    processor = transformers.Gemma3Processor(
        transformers.Gemma3ImageProcessor(size=_square(56)),
        tokenizer,
        image_seq_length=4,
        chat_template=templates.GEMMA3,
    )
    config = transformers.Gemma3Config(
        vision_config=transformers.SiglipVisionConfig(**_LAYERS, image_size=56, patch_size=14, vision_use_head=False),
        text_config=transformers.Gemma3TextConfig(**_TEXT, **_marks(tokenizer)),
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
        tie_word_embeddings=False,
    )
    return config, processor


def pixtral() -> Built:
    """A checkpoint of LLaVA's model type whose pictures keep their shape; 64 tokens for 112 x 112 px, its most."""
    tokenizer = _tokenizer(
        *("<s>", "</s>", "<pad>", "[IMG]", "[IMG_BREAK]", "[IMG_END]"),
        **{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"},
    )
    processor = transformers.PixtralProcessor(
        transformers.PixtralImageProcessor(size={"longest_edge": 112}, patch_size=_square(14)),
        tokenizer,
        patch_size=14,
        chat_template=templates.LLAVA.replace("<image>", "[IMG]"),
    )
    config = transformers.LlavaConfig(
        vision_config=transformers.PixtralVisionConfig(**_LAYERS, image_size=112, patch_size=14),
        text_config=transformers.MistralConfig(**_TEXT, **_marks(tokenizer)),
        image_token_index=processor.image_token_id,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    return config, processor


_BUILDERS: dict[str, Callable[[], Built]] = {
    "llava": _llava,
    "llava_next": _llava_next,
    "llava_onevision": _llava_onevision,
    "qwen2_vl": _qwen2_vl,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "smolvlm": _smolvlm,
    "idefics3": _idefics3,
    "internvl": _internvl,
    "gemma3": _gemma3,
}
FAMILY_NAMES = tuple(_BUILDERS)
