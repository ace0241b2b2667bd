"""A joint reader as a learner: the towers stand still, and what they see of each picture is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor

from semclip import images
from semclip.geometry import Size
from semclip.relevance.checkpoint import Config, JointSettings, read_config
from semclip.relevance.reranking import worth_trying
from semclip.training.dense.kept import KeptMaps
from semclip.training.dense.model import Towers
from semclip.training.dense.module import DenseModule, Scoring
from semclip.training.dense.psi import TorchDense, see
from semclip.training.dense.saving import dense_settings, load_dense
from semclip.training.joint.model import Joint, Shape
from semclip.training.joint.module import JointModule
from semclip.training.joint.psi import TorchJoint
from semclip.training.joint.saving import save_joint
from semclip.training.learner import Batch, Sample
from semclip.training.targets import common_targets
from semclip.training.tokens import Tokens, read_tokens
from semclip.types import Floats, Picture, Regions

Look = Callable[[str, Callable[[], Picture]], Tensor]

MOST, OVERLAP = 16, 0.7
"""Boxes that are read for a question, and how much two of them may overlap."""


@dataclass(frozen=True, eq=False)
class JointLearner:
    """`look` gives what the towers see of a picture, (h, w, d) float32; what they saw is kept."""

    module: JointModule
    towers: TorchDense
    tokens: Tokens
    config: Config
    settings: JointSettings
    look: Look

    @property
    def most_boxes(self) -> int:
        """They cost next to nothing: the picture is encoded once."""
        return 256

    @property
    def in_workers(self) -> bool:
        """The towers choose the boxes to read."""
        return False

    def kind(self, size: Size, /) -> None:
        """Pictures of any size share a batch."""

    def prepare(self, samples: Sequence[Sample], /) -> None:
        """Keeps the towers' features of every cell of each picture."""
        for sample in samples:
            self.look(sample.digest, partial(images.load, sample.image))

    def collate(self, samples: Sequence[Sample], rng: Random, /) -> Batch:
        batch = common_targets(samples)
        maps = [self.look(sample.digest, partial(images.load, sample.image)).numpy() for sample in samples]
        reads = [
            self._read(asked.question, sample, one)
            for sample, one in zip(samples, maps, strict=True)
            for asked in sample.asked
        ]
        rewards = torch.full_like(batch["rewards"], torch.nan)
        for row, (tried, _) in enumerate(reads):
            rewards[row, tried] = batch["rewards"][row, tried]
        return batch | {
            "rewards": rewards,
            "maps": torch.cat([torch.from_numpy(one.reshape(-1, one.shape[2])) for one in maps]),
            "grids": torch.tensor([one.shape[:2] for one in maps]),
            "ids": self.tokens(*(asked.question for sample in samples for asked in sample.asked)),
            "tried": _padded([torch.tensor(tried) for tried, _ in reads], -1),
            "first": _padded([torch.from_numpy(first) for _, first in reads], -1e3),
        }

    def psi(self) -> TorchJoint:
        return TorchJoint(self.towers, self.module.joint, self.tokens, self.settings)

    def save(self, folder: Path, /) -> None:
        tokenizer, config = self.tokens.content, self.config
        save_joint(self.module.joint, folder, config=config, settings=self.settings, tokenizer=tokenizer)

    def _read(self, question: str, sample: Sample, features: Floats) -> tuple[list[int], Floats]:
        """The boxes that a question reads, and their scores so far.

        Those and no others, as when it is used: positives added to them would teach that a low score is a good sign.
        """
        height, width, dim = features.shape
        regions = Regions(
            sample.size, sample.boxes, features.reshape(-1, dim), self.towers.fingerprint, Size(width, height)
        )
        first = self.towers.score(question, regions)
        tried = worth_trying(sample.boxes, first, self.settings.rerank, max_overlap=self.settings.overlap)
        return tried, first[tried].astype(np.float32)


def load(folder: Path, *, kept: Path, rerank: int | None = MOST, seed: int = 0) -> JointLearner:
    """A new reader over the dense ψ in `folder`, which must not be joint itself.

    Raises: ModelError where it is another kind of ψ.
    """
    config = read_config(folder)
    settings = dense_settings(config, folder)
    towers = load_dense(folder)
    towers.eval().requires_grad_(False)
    dense = DenseModule(towers, Scoring(settings.sharpness, settings.size_weight)).eval()
    tokens = read_tokens(folder, config.text)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = JointModule(Joint(towers, Shape()))
    look = partial(_look, towers, KeptMaps(kept), settings.area_px)
    psi = TorchDense(dense, tokens, lambda picture: look(picture.digest, lambda: picture))
    return JointLearner(module, psi, tokens, config, JointSettings(rerank, OVERLAP), look)


def _look(towers: Towers, kept: KeptMaps, area_px: int, digest: str, picture: Callable[[], Picture]) -> Tensor:
    def make() -> Tensor:
        with torch.inference_mode():
            return see(towers, area_px, picture())

    return torch.from_numpy(kept.of(digest, make).astype(np.float32))


def _padded(rows: Sequence[torch.Tensor], value: float) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)
