"""What asking a frozen model under several strategies found, as values: single answers, rates, paired differences.

Knows how to become plain data for JSON. How the answers came about is in asking.py, how they are summed up in
summary.py, how they look in table.py and page.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semclip.evaluation.report import Estimate, Rejected, plain_data
from semclip.geometry import Box

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What one question got under one strategy.

    `image` is the content hash of the picture, `score` between 0 and 1 as the matcher says, `boxes` the crops shown,
    best first; `hit`: whether one of them covers 90 % of an evidence box, None where none is known. `seconds` hold
    choosing, showing and answering; `vlm_passes` prompts read, those that ψ needed included.
    """

    set: str
    item: str
    image: str
    strategy: str
    text: str
    score: float
    visual_tokens: int | None
    seconds: float
    vlm_passes: int
    boxes: tuple[Box, ...] = ()
    hit: bool | None = None
    category: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """One strategy on one set. Rates count a group of questions as one where the set has groups.

    `accuracy`: mean score. `headroom`: (accuracy - overview's) / (best strategy that knows the answer - overview's);
    nan without an oracle. `categories`: accuracy of each. `blind`: share of its right answers that are right without
    the picture too; nan without `--blind`. `hit`: share of the questions with known evidence for which a crop shows it;
    nan where no crop is shown. `missed`: what was won over the first strategy where crops show something else; None
    where they never do.
    """

    set: str
    strategy: str
    questions: int
    images: int
    accuracy: Estimate
    visual_tokens: float | None
    seconds: float
    vlm_passes: float
    headroom: float
    categories: Mapping[str, Estimate]
    blind: float
    hit: float
    missed: Estimate | None


@dataclass(frozen=True, slots=True)
class Paired:
    """Accuracy of `strategy` minus that of `other` on the same questions; the image is the unit of interval and p."""

    set: str
    strategy: str
    other: str
    difference: Estimate
    wins: int
    losses: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that crops turned right, or wrong: what the model said of the overview alone and with crops.

    `overview` and `crops` are JPEG bytes; `boxes` are in pixels of the upright image of `width` x `height`.
    """

    set: str
    item: str
    question: str
    expected: tuple[str, ...]
    strategy: str
    before: str
    after: str
    won: bool
    width: int
    height: int
    boxes: tuple[Box, ...]
    overview: bytes
    crops: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything an evaluation of answers found, and what made it.

    `protocol` is everything that decides an answer or its score: model, strategies with fingerprints, order of options
    and its seed, prompts, matchers, decoding, data digests, versions; `fingerprint` its hash. The first of `strategies`
    is what others are compared with.
    """

    version: str
    fingerprint: str
    protocol: Mapping[str, Any]
    strategies: tuple[str, ...]
    results: tuple[StrategyResult, ...]
    pairs: tuple[Paired, ...]
    rejected: tuple[Rejected, ...]
    flips: tuple[Flip, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything but pictures, ready for JSON: keys are text, and what is not finite is None."""
        kept = {name: getattr(self, name) for name in self.__slots__ if name != "flips"}
        flips = [
            {"set": one.set, "item": one.item, "strategy": one.strategy, "won": one.won, "before": one.before}
            | {"after": one.after, "expected": list(one.expected)}
            for one in self.flips
        ]
        return {"schema_version": SCHEMA_VERSION, **plain_data(kept), "flips": flips}
