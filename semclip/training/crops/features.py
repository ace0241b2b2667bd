"""What frozen towers say of crops and questions, computed once: in memory, and of crops on disk too.

A feature never depends on what else was asked for or how often a run was stopped: what is encoded together is encoded
together again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np

from semclip import images
from semclip.cache import DiskCache
from semclip.geometry import Box
from semclip.relevance.towers import DualEncoder
from semclip.training.learner import Sample
from semclip.types import Floats, Picture, Regions


@final
class Features:
    """Features of length 1 by picture and box and by question; nothing is kept that was not announced."""

    def __init__(self, encoder: DualEncoder, folder: Path | None = None) -> None:
        self.encoder = encoder
        self._disk = None if folder is None else DiskCache(folder)
        self._boxes: dict[str, dict[Box, Floats]] = defaultdict(dict)
        self._questions: dict[str, Floats] = {}

    def keep_boxes(self, sample: Sample) -> None:
        """Nothing; the sample's boxes are then kept, in float16."""
        kept = self._boxes[sample.digest]
        missing = tuple(box for box in dict.fromkeys(sample.boxes) if box not in kept)
        if missing:
            kept.update(zip(missing, self._encoded(sample, missing), strict=True))

    def keep_questions(self, questions: Iterable[str]) -> None:
        """Nothing; the questions are then kept."""
        for question in questions:
            if question not in self._questions:
                self._questions[question] = self.encoder.encode_question(question)

    def boxes(self, digest: str, boxes: Sequence[Box], picture: Callable[[], Picture]) -> Floats:
        """(n, d) float32; those that are not kept are encoded anew, together."""
        kept = self._boxes.get(digest, {})
        missing = [box for box in boxes if box not in kept]
        fresh = dict(zip(missing, self.encoder.embed(picture(), missing).features, strict=True)) if missing else {}
        return np.stack([kept[box] if box in kept else fresh[box] for box in boxes]).astype(np.float32)

    def question(self, question: str) -> Floats:
        """(d,) float32; encoded anew where it is not kept."""
        kept = self._questions.get(question)
        return self.encoder.encode_question(question) if kept is None else kept

    def _encoded(self, sample: Sample, boxes: tuple[Box, ...]) -> Floats:
        """(n, d) float16, from the disk where they are there."""
        edges = [box.to_list() for box in boxes]
        parts = ("crops 1", sample.digest, self.encoder.fingerprint, str(edges))
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        regions: Regions | None = self._disk.get(key) if self._disk else None
        if regions is None:
            regions = self.encoder.embed(images.load(sample.image), boxes)
            regions = replace(regions, features=regions.features.astype(np.float16))
            if self._disk:
                self._disk.put(key, regions)
        return regions.features
