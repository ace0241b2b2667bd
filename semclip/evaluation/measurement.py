"""From one image's questions to how each ψ did on each of them, through the same pipeline that `select` runs.

Knows pictures and pipelines, and nothing of sets, means or intervals.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from semclip import images
from semclip.cache import MemoryCache
from semclip.errors import ImageError, InputError
from semclip.evaluation.metrics import HIT_PARTS, TIGHT_PARTS, first_rank, hit_mask, random_hit_rate
from semclip.geometry import Box, Size
from semclip.images import Image, Limits
from semclip.logs import Example
from semclip.pipeline import SemClip
from semclip.proposals import pyramid
from semclip.protocols import Proposer, Relevance
from semclip.selection import OVERVIEW_PX, Choice
from semclip.types import Scored


@dataclass(frozen=True, slots=True)
class System:
    """A ψ under test. `relevance_for` gets an example whose size is known; only an oracle looks at its evidence."""

    name: str
    fingerprint: str
    relevance_for: Callable[[Example], Relevance]


@dataclass(frozen=True, slots=True)
class EvalConfig:
    """What is measured, and how. `limit` takes the first questions of each set; `choice` is used with the largest k."""

    ks: tuple[int, ...] = (1, 2, 4)
    split: str | None = None
    limit: int | None = None
    seed: int = 0
    resamples: int = 2000
    propose: Proposer = pyramid
    choice: Choice = Choice()
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) < len(self.ks):
            raise InputError(f"ks needs one or more different numbers >= 1, got {list(self.ks)}")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit needs to be at least 1, got {self.limit}")
        if self.resamples < 100:
            raise InputError(f"resamples needs to be at least 100 for a 95 % interval, got {self.resamples}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one ψ did on one question.

    `hit` and `tight` are the places, from 1, of the first such box among the chosen ones, `rank` that of the first hit
    among all candidates; inf where there is none. `visual_tokens` has one count for each k.
    """

    hit: float
    tight: float
    rank: float
    visual_tokens: tuple[int, ...]
    embed_s: float
    score_s: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One question: one outcome for each ψ, and the ruler: what chance reaches at each k, and the oracle at any."""

    image: Path
    random: tuple[float, ...]
    oracle: bool
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class _Stand:
    """One ψ before one image, with a picture of its own, so that the first ψ does not pay for all others' decoding."""

    system: System
    picture: Image
    cache: MemoryCache


def measure_image(
    rows: Sequence[Example], systems: Sequence[System], config: EvalConfig
) -> list[Measured | InputError]:
    """One value for each of `rows`, which share an image: how every ψ did, or why none took part.

    Each ψ encodes the image once, unless its System gives another ψ for each question. The pixels are decoded once
    beforehand: an image that is broken takes no part even where no ψ under test would have looked at it.
    """
    try:
        images.load(rows[0].image, config.limits).resized(Size(1, 1))
        stands = [_Stand(system, images.load(rows[0].image, config.limits), MemoryCache()) for system in systems]
        return [_measure(row, stands, config) for row in rows]
    except ImageError as error:
        return [error for _ in rows]


def _measure(row: Example, stands: Sequence[_Stand], config: EvalConfig) -> Measured | InputError:
    size = stands[0].picture.size
    try:
        example = checked(row, size)
        outcomes = tuple(_outcome(example, stand, config) for stand in stands)
    except ImageError:
        raise
    except InputError as error:
        return error
    hits = hit_mask(config.propose(size), example.evidence, size)
    random = tuple(random_hit_rate(len(hits), int(hits.sum()), k) for k in config.ks)
    return Measured(row.image, random, bool(hits.any()), outcomes)


def checked(row: Example, size: Size) -> Example:
    """As `fitted`, of a question that has evidence."""
    if not row.evidence:
        raise InputError("a measured question needs at least one evidence box, got none")
    return fitted(row, size)


def fitted(row: Example, size: Size) -> Example:
    """The same question with the size of its decoded image, which the log's must equal and which holds the evidence."""
    if row.size not in (None, size):
        raise InputError(f"the log's size needs to be that of {row.image.name}, {size}, got {row.size}")
    for box in row.evidence:
        if not box.within(size):
            raise InputError(f"an evidence box needs to lie inside {row.image.name}, {size}, got {box.to_list()}")
    return replace(row, size=size)


def _outcome(example: Example, stand: _Stand, config: EvalConfig) -> Outcome:
    psi, choice = stand.system.relevance_for(example), replace(config.choice, k=max(config.ks))
    clip = SemClip(psi, config.propose, choice, stand.cache, config.limits)
    start_s = time.perf_counter()
    clip.embed(stand.picture)
    embedded_s = time.perf_counter()
    selection = clip.select(stand.picture, example.question)
    scored_s = time.perf_counter()
    size, evidence = stand.picture.size, example.evidence
    return Outcome(
        hit=first_rank(hit_mask(selection.boxes, evidence, size, parts=HIT_PARTS)),
        tight=first_rank(hit_mask(selection.boxes, evidence, size, parts=TIGHT_PARTS)),
        rank=first_rank(hit_mask(_ranked(selection.considered), evidence, size, parts=HIT_PARTS)),
        visual_tokens=tuple(_visual_tokens(selection.boxes[:k], size, choice) for k in config.ks),
        embed_s=embedded_s - start_s,
        score_s=scored_s - embedded_s,
    )


def _ranked(considered: Sequence[Scored]) -> list[Box]:
    """The boxes that may be chosen, best first; ties keep the order given."""
    allowed = [one for one in considered if one.score > -math.inf]
    return [one.box for one in sorted(allowed, key=lambda one: -one.score)]


def _visual_tokens(boxes: Sequence[Box], size: Size, choice: Choice) -> int:
    return choice.count_tokens([size.fit(OVERVIEW_PX), *(box.size for box in boxes)])
