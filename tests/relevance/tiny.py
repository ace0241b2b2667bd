"""Dual encoders of a few thousand weights, built from configuration and saved where the loaders find them."""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import open_clip
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from semclip.geometry import Box
from tests.fakes import ArrayPicture

SIDE_PX = 32
WORDS = "where is the red blue car sign read what says it".split()
QUESTIONS = ("Where is the red car?", "read the sign", "what says it " * 40, "")

_LETTERS = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *ascii_lowercase)
_TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_VISION = {**_TOWER, "image_size": SIDE_PX, "patch_size": 8}

torch.set_num_threads(1)


def noise(width: int, height: int) -> ArrayPicture:
    return ArrayPicture(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def windows(picture: ArrayPicture, side_px: int) -> list[Box]:
    """Square boxes at half-window steps."""
    step = side_px // 2
    return [
        Box(left, top, left + side_px, top + side_px)
        for top in range(0, picture.size.height - side_px + 1, step)
        for left in range(0, picture.size.width - side_px + 1, step)
    ]


def stir(model: torch.nn.Module) -> None:
    """Gives every weight a value that tells models apart; fresh ones come as zeros and ones in places."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))


def save_open_clip(folder: Path, **changes: Any) -> Path:
    """A model of open_clip with its own byte-pair vocabulary; `changes` go into its model configuration."""
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": SIDE_PX, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
    } | changes
    preprocess = {"mean": [0.48, 0.45, 0.4], "std": [0.26, 0.25, 0.27], "resize_mode": "shortest"}
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    stir(model)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def save_clip(folder: Path) -> Path:
    # Byte-level letters, each alone and at the end of a word, then the two marks.
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    start, end = len(pieces) - 2, len(pieces) - 1
    text = {**_TOWER, "vocab_size": len(pieces), "max_position_embeddings": 24}
    marks = {"bos_token_id": start, "eos_token_id": end, "pad_token_id": end}
    config = CLIPConfig(text_config=text | marks, vision_config=_VISION, projection_dim=16)
    CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]).save_pretrained(folder)
    sizes = {"size": {"shortest_edge": SIDE_PX}, "crop_size": {"height": SIDE_PX, "width": SIDE_PX}}
    CLIPImageProcessor(**sizes).save_pretrained(folder)
    return _save(CLIPModel(config), folder)


def save_siglip(folder: Path) -> Path:
    _words_tokenizer().save_pretrained(folder)
    SiglipImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}).save_pretrained(folder)
    return _save(SiglipModel(SiglipConfig(text_config=_siglip_text(), vision_config=_VISION)), folder)


def save_siglip2(folder: Path) -> Path:
    """The flexible-resolution kind, which takes patches; 16 of 8 px make the same 32 px square."""
    _letters_tokenizer().save_pretrained(folder)
    Siglip2ImageProcessor(patch_size=8, max_num_patches=18).save_pretrained(folder)
    vision = {**_TOWER, "patch_size": 8, "num_patches": 9}
    text = {**_siglip_text(), "vocab_size": len(_LETTERS)}
    return _save(Siglip2Model(Siglip2Config(text_config=text, vision_config=vision)), folder)


def _save(model: PreTrainedModel, folder: Path) -> Path:
    stir(model)
    model.save_pretrained(folder)
    return folder


def _siglip_text() -> dict[str, Any]:
    return {**_TOWER, "vocab_size": len(WORDS) + 3, "max_position_embeddings": 16, "projection_size": 32}


def _words_tokenizer() -> PreTrainedTokenizerFast:
    """A word a token and an end mark, padded to full length, as the published SigLIP tokenizers are set up."""
    vocabulary = {word: i for i, word in enumerate(("<pad>", "<eos>", "<unk>", *WORDS))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        model_input_names=["input_ids"],
    )


def _letters_tokenizer() -> Siglip2Tokenizer:
    """A letter a token, which is what SigLIP 2's own class makes of a vocabulary without merges."""
    vocabulary = {letter: i for i, letter in enumerate(_LETTERS)}
    # As the published tokenizers are set up, and not as the class is.
    tokenizer = Siglip2Tokenizer(vocab=vocabulary, padding_side="right", model_input_names=["input_ids"])
    ends = [("<eos>", tokenizer.eos_token_id)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=ends)
    return tokenizer
