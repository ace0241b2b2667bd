"""A dense ψ as a learner: pictures become canvases, or features that are kept; the towers become a ψ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor, nn

from semclip import images
from semclip.geometry import Size
from semclip.mining.rewards import POSITIVE
from semclip.relevance.checkpoint import Config, read_config
from semclip.training.bases import Tune
from semclip.training.dense.canvas import Augment, Canvas, Easel, draw, shape_for
from semclip.training.dense.kept import KeptMaps
from semclip.training.dense.module import DenseModule, Scoring
from semclip.training.dense.psi import TorchDense, pixels_of, see
from semclip.training.dense.saving import dense_settings, load_dense, save_dense
from semclip.training.learner import Batch, Sample
from semclip.training.lora import add_low_rank
from semclip.training.targets import common_targets
from semclip.training.tokens import Tokens, read_tokens
from semclip.types import Floats, Picture

RANK = 8
"""Of the low-rank changes."""


@dataclass(frozen=True, slots=True)
class Views:
    """How large pictures are seen: canvases while training, whole pictures in use, which is also what is kept."""

    area_px: int
    augment: Augment = field(default_factory=Augment)

    @property
    def canvas_px(self) -> int:
        """Windows show as much of a picture at half the cost."""
        return min(250_000, self.area_px)


@dataclass(frozen=True, eq=False)
class DenseLearner:
    """`kept`: what the layers below the heads see, where only the heads are tuned; None where pixels are read anew."""

    module: DenseModule
    tokens: Tokens
    config: Config
    views: Views
    kept: KeptMaps | None = None

    @property
    def most_boxes(self) -> int:
        """They cost next to nothing: the picture is encoded once."""
        return 256

    @property
    def in_workers(self) -> bool:
        """What a model must say first is kept."""
        return True

    def kind(self, size: Size, /) -> Hashable:
        """What pictures of one batch share: the shape of their canvas."""
        return None if self.kept else shape_for(size, self.views.canvas_px)

    def prepare(self, samples: Sequence[Sample], /) -> None:
        """Keeps what the trunk makes of each picture, where nothing below the heads is tuned."""
        if self.kept:
            for sample in samples:
                self._trunk(self.kept, sample.digest, partial(images.load, sample.image))

    def collate(self, samples: Sequence[Sample], rng: Random, /) -> Batch:
        batch = common_targets(samples) | self._text(samples)
        return batch | (self._maps(samples, self.kept) if self.kept else self._canvases(samples, batch, rng))

    def psi(self) -> TorchDense:
        return TorchDense(self.module, self.tokens, self._look)

    def save(self, folder: Path, /) -> None:
        save_dense(self.module.towers, folder, config=self.config, tokenizer=self.tokens.content)

    def _text(self, samples: Sequence[Sample]) -> Batch:
        asked = [one for sample in samples for one in sample.asked]
        batch = {"ids": self.tokens(*(one.question for one in asked))}
        if any(one.altered for one in asked):
            batch["altered_ids"] = self.tokens(*(one.altered or one.question for one in asked))
            batch["has_altered"] = torch.tensor([one.altered is not None for one in asked])
        return batch

    def _canvases(self, samples: Sequence[Sample], batch: Batch, rng: Random) -> Batch:
        canvases = [self._canvas(sample, rng) for sample in samples]
        boxes, valid = batch["boxes"].clone(), batch["valid"].clone()
        for place, canvas in enumerate(canvases):
            boxes[place, : len(canvas.boxes)] = torch.from_numpy(canvas.boxes)
            valid[place, : len(canvas.boxes)] &= torch.from_numpy(canvas.kept)
        pixels = torch.from_numpy(np.stack([canvas.pixels for canvas in canvases]))
        rewards = batch["rewards"].where(valid[batch["picture"]], torch.nan)
        return {"pixels": pixels, "boxes": boxes, "valid": valid, "rewards": rewards}

    def _canvas(self, sample: Sample, rng: Random) -> Canvas:
        wanted = [
            box
            for one in sample.asked
            for box, reward in zip(sample.boxes, one.rewards, strict=True)
            if reward >= POSITIVE
        ]
        easel = Easel(shape_for(sample.size, self.views.canvas_px), self.views.augment)
        return draw(images.load(sample.image), sample.boxes, wanted, easel, rng)

    def _maps(self, samples: Sequence[Sample], kept: KeptMaps) -> Batch:
        maps = [self._trunk(kept, sample.digest, partial(images.load, sample.image)) for sample in samples]
        grids = torch.tensor([one.shape[:2] for one in maps])
        flat = [torch.from_numpy(one.reshape(-1, one.shape[2])).float() for one in maps]
        return {"trunk": torch.cat(flat), "grids": grids}

    def _look(self, picture: Picture) -> Tensor:
        if self.kept is None:
            return see(self.module.towers, self.views.area_px, picture)
        trunk = torch.from_numpy(self._trunk(self.kept, picture.digest, lambda: picture).astype(np.float32))
        seen: Tensor = self.module.towers.image.top(trunk.permute(2, 0, 1)[None].to(self.module.device))
        return seen[0].permute(1, 2, 0)

    def _trunk(self, kept: KeptMaps, digest: str, picture: Callable[[], Picture]) -> Floats:
        """(h, w, c) what the layers below the heads make of a picture."""

        def make() -> Tensor:
            with torch.inference_mode():
                pixels = pixels_of(picture(), self.views.area_px, self.module.device)
                return self.module.towers.image.trunk(pixels)[0].permute(1, 2, 0)

        return kept.of(digest, make)


def load(folder: Path, tune: Tune, *, kept: Path, size_weight: float | None = None, seed: int = 0) -> DenseLearner:
    """The ψ in `folder` as a learner; `kept` is where features may be kept, `seed` that of low-rank changes.

    With a `size_weight` it scores boxes by that one from now on.
    Raises: ModelError where it is no dense ψ, or its weights do not fit exactly, or the size weight is below 0.
    """
    config = read_config(folder)
    settings = dense_settings(config, folder)
    if size_weight is not None:
        settings = replace(settings, size_weight=size_weight)
        config = replace(config, encoder=settings)
    towers = load_dense(folder)
    towers.image.to(memory_format=torch.channels_last)
    module = DenseModule(towers, Scoring(settings.sharpness, settings.size_weight))
    tune_only(module, tune, seed=seed)
    tokens, views = read_tokens(folder, config.text), Views(area_px=settings.area_px)
    return DenseLearner(module, tokens, config, views, KeptMaps(kept) if tune == "heads" else None)


def tune_only(module: DenseModule, tune: Tune, *, seed: int = 0) -> None:
    """Leaves gradients to what `tune` names; word vectors stand still, whatever is tuned.

    "heads" are the last layers of the image tower and all of the text tower. "lora": the last layers of both towers,
    and low-rank changes of what is below them.
    """
    image, text = module.towers.image, module.towers.text
    words = [text.weigh, text.project, text.direct, text.reach, text.bias] if tune == "lora" else [text]
    module.requires_grad_(tune == "full")
    for head in (image.top, *words):
        head.requires_grad_(True)
    module.towers.log_scale.requires_grad_(True)
    text.vectors.requires_grad_(False)
    if tune == "lora":
        below = [part for part in image.children() if part is not image.top]
        add_low_rank(nn.ModuleList([*below, text.blocks]), rank=RANK, seed=seed)
