"""A dual encoder as a learner: crops or their features as batches, a folder as the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from semclip import images
from semclip.geometry import Size
from semclip.protocols import Relevance
from semclip.relevance.towers import Settings, choose_settings
from semclip.training.bases import Tune
from semclip.training.crops import saving
from semclip.training.crops.features import Features
from semclip.training.crops.opening import Opened, encoder, open_base
from semclip.training.crops.psi import TorchCrops
from semclip.training.learner import Asked, Batch, Sample
from semclip.training.lora import add_low_rank
from semclip.training.targets import common_targets


@dataclass(frozen=True, slots=True)
class CropsOptions:
    """What is tuned, and where.

    `tune`: the heads alone over features that are computed once, or low-rank changes of `rank` as well, or all weights
    as well. `dtype`: of the frozen towers that compute those features (devices.fast_dtype); what is tuned and what is
    saved is float32. `folder`: keeps those features on disk.
    """

    tune: Tune = "heads"
    seed: int = 0
    rank: int = 8
    device: str | torch.device | None = None
    dtype: torch.dtype = torch.float32
    batch_size: int = 32
    folder: Path | None = None


def load(name: str, options: CropsOptions) -> CropsLearner:
    """The learner over the base `name`: `open_clip:…`, `hf:…`, or the folder of a ψ that was trained from one.

    Raises: ModelError where it cannot be loaded, and where its tokenizer cannot be saved.
    """
    settings = choose_settings(options.device, options.dtype, batch_size=options.batch_size)
    opened = open_base(name, device=settings.device)
    opened.parts.heads.requires_grad_(True)
    if options.tune == "heads":
        # What is saved keeps its precision, so towers that run in less are others.
        running = opened if settings.dtype == torch.float32 else open_base(name, device=settings.device)
        return CropsLearner(opened, settings, Features(encoder(name, running.parts.towers, settings), options.folder))
    if options.tune == "lora":
        add_low_rank(opened.parts.model, rank=options.rank, seed=options.seed)
    else:
        opened.parts.model.requires_grad_(True)
    return CropsLearner(opened, replace(settings, dtype=torch.float32))


@final
class CropsLearner:
    """Implements learner.Learner. With `features` of frozen towers the heads are tuned alone."""

    def __init__(self, opened: Opened, settings: Settings, features: Features | None = None) -> None:
        self._opened, self._settings, self._features = opened, settings, features

    @property
    def module(self) -> nn.Module:
        return self._opened.parts.heads if self._features else self._opened.parts

    @property
    def most_boxes(self) -> int:
        """Each is a pass of the image tower, unless its features are kept."""
        return 256 if self._features else 16

    @property
    def in_workers(self) -> bool:
        """Not where altered questions, which are not prepared, are encoded."""
        return self._features is None

    def kind(self, size: Size, /) -> None:
        """Pictures of any size share a batch."""

    def prepare(self, samples: Sequence[Sample], /) -> None:
        """Encodes every box and every question, where heads are tuned alone; may be called again for more."""
        if self._features is None:
            return
        for sample in samples:
            self._features.keep_boxes(sample)
            self._features.keep_questions(text for asked in sample.asked for text in _texts(asked))

    def collate(self, samples: Sequence[Sample], rng: Random, /) -> Batch:
        """See Heads and CropsModule. Boxes and questions that were not prepared are encoded here, each time anew."""
        read = self._pixels(samples) if self._features is None else self._kept(samples, self._features)
        return {**common_targets(samples), **read}

    def psi(self) -> Relevance:
        parts = self._opened.parts
        if self._features is not None:
            return TorchCrops(self._features, parts.heads)
        settings = replace(self._settings, device=parts.heads.bias.device)
        return TorchCrops(Features(encoder(self._opened.name, parts.towers, settings)), parts.heads)

    def save(self, folder: Path, /) -> None:
        saving.save(self._opened.parts, self._opened.tokens, folder)

    def _kept(self, samples: Sequence[Sample], features: Features) -> Batch:
        rows = [features.boxes(one.digest, one.boxes, partial(images.load, one.image)) for one in samples]
        asked = [asked for sample in samples for asked in sample.asked]
        questions = torch.from_numpy(np.stack([features.question(one.question) for one in asked]))
        batch = {"features": _padded(rows), "questions": questions}
        if not any(one.altered for one in asked):
            return batch
        altered = np.stack([features.question(one.altered or one.question) for one in asked])
        return {**batch, "altered": torch.from_numpy(altered), "has_altered": _has_altered(asked)}

    def _pixels(self, samples: Sequence[Sample]) -> Batch:
        size = self._opened.parts.towers.preprocess.size
        crops = [images.load(sample.image).crops(sample.boxes, size) for sample in samples]
        asked = [asked for sample in samples for asked in sample.asked]
        batch = {"pixels": _padded(crops), "ids": self._opened.tokens(*(one.question for one in asked))}
        if not any(one.altered for one in asked):
            return batch
        altered = self._opened.tokens(*(one.altered or one.question for one in asked))
        return {**batch, "altered_ids": altered, "has_altered": _has_altered(asked)}


def _padded(rows: Sequence[NDArray[Any]]) -> Tensor:
    """(P, N, ...) zeros where a picture has fewer boxes."""
    return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)


def _has_altered(asked: Sequence[Asked]) -> Tensor:
    return torch.tensor([one.altered is not None for one in asked])


def _texts(asked: Asked) -> list[str]:
    return [asked.question] if asked.altered is None else [asked.question, asked.altered]
