"""What every pretrained dual encoder shares: where it runs, how pixels go in and how scores come out.

Knows torch and nothing of the libraries that the towers come from (open_clip.py, hf.py). A box is squashed to the
encoder's input whatever its shape: for a square box that is the model's own resize and centre crop, for a strip it
keeps the ends of the text line that a centre crop would cut. The resampling is the picture's, also where the model's
configuration names another interpolation than bicubic.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from semclip.devices import fast_dtype
from semclip.errors import InputError, MissingExtra, ModelError
from semclip.geometry import Box, Size
from semclip.types import Floats, Picture, Pixels, Regions

try:
    import torch
    from torch import Tensor, nn
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "torch", extra="torch") from missing


Tokenize = Callable[[str], Tensor]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and how an encoder runs."""

    device: torch.device
    dtype: torch.dtype
    batch_size: int

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size needs to be at least 1, got {self.batch_size}")


@dataclass(frozen=True, slots=True)
class Preprocess:
    """The constants a model was trained with: its input size, and mean and std of the channels in 0..1."""

    size: Size
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pixels_NHWC: Tensor) -> Tensor:
        """The normalised float32 input, (n, 3, h, w), on the device of the uint8 pixels."""
        mean, std = (255 * torch.tensor(values, device=pixels_NHWC.device) for values in (self.mean, self.std))
        return ((pixels_NHWC.float() - mean) / std).permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Towers:
    """A two-tower model as its library loaded it: `model` holds every weight, the logit scale among them."""

    model: nn.Module
    preprocess: Preprocess
    encode_images: Callable[[Tensor], Tensor]
    """(n, 3, h, w) preprocessed pixels -> (n, d)."""
    tokenize: Tokenize
    """A text -> (1, length) token ids, padded and truncated as the model expects."""
    encode_text: Callable[[Tensor], Tensor]
    """(n, length) token ids -> (n, d)."""
    architecture: Mapping[str, Any]
    """What decides the features beside weights and preprocessing: the library and its configuration, as JSON."""
    tokenizer: Any = None
    """The library's own, behind `tokenize`; None where there is none."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class DualEncoder:
    """ψ as the scaled cosine of two towers; the scores are the model's own logits."""

    name: str
    fingerprint: str
    towers: Towers
    settings: Settings
    logit_scale: float
    logit_bias: float

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One L2-normalised float32 row per box, encoded in batches.

        Raises InputError without boxes, ModelError if the features are not finite.
        """
        if not boxes:
            raise InputError("embed needs at least one box, got none")
        step = self.settings.batch_size
        batches = (boxes[start : start + step] for start in range(0, len(boxes), step))
        rows = [self._encode(image.crops(batch, self.towers.preprocess.size)) for batch in batches]
        return Regions(size=image.size, boxes=tuple(boxes), features=np.concatenate(rows), encoder=self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) float32 logits; a sigmoid makes them probabilities where the model was trained with one (SigLIP).

        Raises InputError for regions of another encoder or of a dense grid.
        """
        if regions.encoder != self.fingerprint:
            raise InputError(
                f"{self.name} needs regions of encoder {self.fingerprint}, got {regions.encoder}; embed them again"
            )
        if regions.grid is not None:
            raise InputError(f"{self.name} needs one row of features per box, got a dense grid of {regions.grid}")
        cosines = regions.features @ self.encode_question(question)
        logits: Floats = cosines * np.float32(self.logit_scale) + np.float32(self.logit_bias)
        return logits

    def encode_question(self, question: str) -> Floats:
        """(d,) float32, L2-normalised. Raises ModelError if the features are not finite."""
        with torch.inference_mode():
            ids = self.towers.tokenize(question).to(self.settings.device)
            text: Floats = self._unit(self.towers.encode_text(ids))[0]
        return text

    def _encode(self, crops: Pixels) -> Floats:
        with torch.inference_mode():
            pixels = self.towers.preprocess(torch.tensor(crops, device=self.settings.device))
            return self._unit(self.towers.encode_images(pixels.to(self.settings.dtype)))

    def _unit(self, features: Tensor) -> Floats:
        features = features.float()
        if not features.isfinite().all():
            raise ModelError(f"{self.name} gave features that are not finite in {self.settings.dtype}; try float32")
        rows: Floats = nn.functional.normalize(features, dim=-1).cpu().numpy()
        return rows


def dual_encoder(name: str, towers: Towers, *, settings: Settings) -> DualEncoder:
    """ψ from freshly loaded float32 towers, which it takes over: they move to the device and dtype of `settings`.

    Raises ModelError for weights that are not finite.
    """
    weights = towers.model.state_dict()
    for key, values in weights.items():
        if not values.isfinite().all():
            raise ModelError(f"{name} needs finite weights, got NaN or infinity in {key}; fetch the file again")
    header = {**towers.architecture, "dtype": str(settings.dtype), "preprocess": asdict(towers.preprocess)}
    # Read before the cast: bfloat16 would round the logarithm and make a scale of 100 one of 98.9.
    scale, bias = float(weights["logit_scale"].exp()), float(weights.get("logit_bias", 0.0))
    encoder = DualEncoder(name, fingerprint(weights, header), towers, settings, scale, bias)
    towers.model.eval().requires_grad_(False).to(device=settings.device, dtype=settings.dtype)
    return encoder


def fingerprint(weights: Mapping[str, Tensor], header: Mapping[str, Any]) -> str:
    """The hex BLAKE2b hash of the header and of every weight's name, dtype, shape and bytes."""
    digest = hashlib.blake2b(json.dumps(header, sort_keys=True, default=str).encode(), digest_size=16)
    for key, values in sorted(weights.items()):
        digest.update(f"\n{key} {values.dtype} {list(values.shape)}\n".encode())
        digest.update(values.cpu().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def choose_settings(
    device: str | torch.device | None,
    dtype: torch.dtype | None,
    *,
    batch_size: int,
) -> Settings:
    """What was asked for; else the GPU if there is one or the CPU, in the dtype that is fastest there."""
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Settings(place, dtype or fast_dtype(place), batch_size)
