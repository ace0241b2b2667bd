"""A reader that looks at nothing: a box is worth as much as it shows of the evidence that the log knows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semclip.errors import InputError
from semclip.evaluation.metrics import HIT_PARTS, TIGHT_PARTS, best_coverage, hit_mask
from semclip.geometry import Box, Size
from semclip.mining.rewards import Query, Rewards
from semclip.types import Floats, Picture

TIGHT, HIT, PARTIAL = 1.0, 0.5, 0.4
"""Rewards of a tight hit and of a hit (evaluation.metrics), and the most that anything else is worth."""


@dataclass(frozen=True, slots=True)
class BoxesReader:
    """Rewards every box by the row's evidence boxes; takes no pass."""

    name: str = "boxes"
    least_passes: int = 0

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"boxes 1 {TIGHT} {HIT} {PARTIAL} {HIT_PARTS} {TIGHT_PARTS}".encode()).hexdigest()

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> list[Rewards | InputError]:
        """Rewards of all boxes; InputError for a row without evidence."""
        return [_rewards(query, picture.size) for query in queries]


def load() -> BoxesReader:
    """The reader, which has nothing to load."""
    return BoxesReader()


def _rewards(query: Query, size: Size) -> Rewards | InputError:
    if not query.example.evidence:
        return InputError("reader boxes needs at least one evidence box, got none")
    return Rewards(evidence_rewards(query.boxes, query.example.evidence, size), passes=0)


def evidence_rewards(boxes: Sequence[Box], evidence: Sequence[Box], size: Size) -> Floats:
    """(n,) float32: 1 for a tight hit, 0.5 for a hit, else 0 to 0.4 as an evidence box's covered share goes 1/2 to 1.

    >>> boxes = [Box(0, 0, 25, 25), Box(0, 0, 50, 50), Box(0, 0, 9, 8), Box(0, 0, 9, 5), Box(0, 0, 99, 99)]
    >>> evidence_rewards(boxes, [Box(0, 0, 9, 10)], Size(100, 100)).round(2).tolist()
    [1.0, 0.5, 0.23999999463558197, 0.0, 0.4000000059604645]
    """
    values: Floats = PARTIAL * np.clip(2 * best_coverage(boxes, evidence) - 1, 0, 1)
    values[hit_mask(boxes, evidence, size, parts=HIT_PARTS)] = HIT
    values[hit_mask(boxes, evidence, size, parts=TIGHT_PARTS)] = TIGHT
    return np.asarray(values, np.float32)
