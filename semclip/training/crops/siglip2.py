"""SigLIP 2 of flexible resolution at one resolution: there it is a plain SigLIP.

Its own embedding resizes the grid of positions for every picture anew, which ONNX has no word for, and takes patches in
rows. Crops all have one size here, so the grid is resized once, and the linear map of a patch is a convolution.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from semclip.relevance import hf
from semclip.relevance.towers import Towers


def at_one_size(towers: Towers) -> Towers:
    """Towers that give the same features for crops of `towers.preprocess.size`, as a SigLIP."""
    model, side_px = towers.model, towers.preprocess.size.width
    own = towers.architecture
    text = {**own["text_config"], "model_type": "siglip_text_model"}
    vision = {**own["vision_config"], "model_type": "siglip_vision_model", "image_size": side_px}
    architecture = {**own, "model_type": "siglip", "text_config": text, "vision_config": vision}
    plain = hf.rebuild(architecture, preprocess=towers.preprocess, tokenize=towers.tokenize)
    plain.model.load_state_dict({**model.state_dict(), **_embeddings(model, side_px)})
    plain.model.eval()
    return replace(plain, tokenizer=towers.tokenizer)


def _embeddings(model: Any, side_px: int) -> dict[str, torch.Tensor]:
    """The two weights that differ, by name."""
    embeddings = model.vision_model.embeddings
    patch_px, count = embeddings.patch_size, side_px // embeddings.patch_size
    grid = embeddings.position_embedding.weight.detach().unflatten(0, (embeddings.position_embedding_size, -1))
    shape = torch.tensor([[count, count]])
    (positions,) = embeddings.resize_positional_embeddings(grid, shape, max_length=count * count)
    # A row is a patch's pixels by row, column and channel.
    kernels = embeddings.patch_embedding.weight.detach().unflatten(1, (patch_px, patch_px, 3)).permute(0, 3, 1, 2)
    name = "vision_model.embeddings.{}_embedding.weight".format
    return {name("patch"): kernels, name("position"): positions}
