"""What an evaluation found, as values: rates with intervals, paired comparisons, what could not be measured.

Knows how to become plain data for JSON; how it was measured is in measurement.py, how it looks in table.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from semclip.types import Maker

SCHEMA_VERSION = 1
POOLED = "pooled"
"""The name of the row that takes all sets together, each question counting once."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate, or a difference of two, with its bootstrap 95 % interval over images."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Result:
    """One ψ on one set. Mappings are from k.

    `median_rank`: of the first hitting candidate in ψ's own order, before overlap is looked at; inf where most
    questions have none. `headroom`: share of hit@k recovered between exact chance, that of k different candidates drawn
    uniformly, and what any candidate hits; nan where the two are equal. The baseline `random` is on average a little
    below 0 at larger k, because it keeps to the overlap limit too.
    `embed_s` is a mean per image and holds its decoding, `score_s` one per question and holds the choice.
    """

    set: str
    psi: str
    images: int
    questions: int
    hit: Mapping[int, Estimate]
    tight: Mapping[int, Estimate]
    headroom: Mapping[int, float]
    visual_tokens: Mapping[int, float]
    median_rank: float
    embed_s: float
    score_s: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """hit@k of `psi` minus that of `other` on the same questions.

    `wins` and `losses` count the questions that only one of the two hit; `p_value` is two-sided, exact, with the image
    as the unit (metrics.sign_flip_p_value), and not corrected for the number of comparisons. On few images it is
    the one to trust: a bootstrap interval is then too narrow, and can exclude 0 where p is large.
    """

    set: str
    psi: str
    other: str
    k: int
    difference: Estimate
    wins: int
    losses: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """A question that took no part, for any ψ, and why."""

    set: str
    id: str | int
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything an evaluation found and what made it; rejected questions are in no rate."""

    version: str
    split: str | None
    limit: int | None
    seed: int
    resamples: int
    max_overlap: float | None
    ks: tuple[int, ...]
    psi: tuple[Maker, ...]
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    rejected: tuple[Rejected, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON: keys are text, and what is not finite is None."""
        return {"schema_version": SCHEMA_VERSION, **plain_data(self)}


def plain_data(value: Any) -> Any:
    """The value as JSON holds it: dataclasses and mappings as objects with text keys, None for what is not finite."""
    if is_dataclass(value):
        return {field.name: plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain_data(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
