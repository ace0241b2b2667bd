"""A joint ψ on ONNX Runtime: a dense ψ scores all boxes, and a reader looks at the best of them with the question.

The reader sees what the dense pass left in each of those boxes; the picture is not encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import onnxruntime as ort

from semclip.errors import ModelError
from semclip.geometry import Box
from semclip.relevance.checkpoint.config import JOINT, JointSettings
from semclip.relevance.checkpoint.dense import DensePsi
from semclip.relevance.checkpoint.runtime import Runtime, open_session, run
from semclip.relevance.dense import fractions
from semclip.relevance.reranking import reranked
from semclip.types import Floats, Picture, Regions


@dataclass(frozen=True)
class JointPsi:
    """ψ as the dense score of a box and what the reader adds to it; boxes that it does not read rank below."""

    dense: DensePsi
    settings: JointSettings

    @property
    def name(self) -> str:
        return self.dense.name

    @property
    def fingerprint(self) -> str:
        return self.dense.fingerprint

    @property
    def runtime(self) -> Runtime:
        """The files that both share."""
        return self.dense.runtime

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """As the dense ψ."""
        return self.dense.embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) scores of one question, comparable across the boxes of one image."""
        first = self.dense.score(question, regions)
        read = partial(self._read, question, regions, first)
        most, overlap = self.settings.rerank, self.settings.overlap
        return reranked(regions.boxes, first, read, most=most, max_overlap=overlap)

    def heat(self, question: str, regions: Regions) -> Floats:
        """As the dense ψ."""
        return self.dense.heat(question, regions)

    def _read(self, question: str, regions: Regions, first: Floats, tried: list[int]) -> Floats:
        assert regions.grid is not None  # or the dense ψ would have refused them
        boxes = fractions([regions.boxes[index] for index in tried], regions.size)
        features = regions.features.astype(np.float32).reshape(regions.grid.height, regions.grid.width, -1)
        ids = np.array([self.dense.runtime.ids(question)], np.int64)
        inputs = {"features": features, "ids": ids, "boxes": boxes, "first": first[tried].astype(np.float32)}
        scores = run(self._reader, inputs)
        if scores.shape != (len(tried),):
            raise ModelError(f"a psi needs {len(tried)} scores from its reader, got the shape {scores.shape}")
        return scores.astype(np.float64)

    @cached_property
    def _reader(self) -> ort.InferenceSession:
        return open_session(self.dense.runtime.folder / JOINT)
