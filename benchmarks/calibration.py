"""Whether a score means the same on every image: what one threshold tells, within a log and over all of them.

    python -m benchmarks.calibration LOG.jsonl LOG.jsonl ... --split dev --psi embedded

Every picture is asked its own questions, and as many of other logs. *Hit*: a question whose two crops hit, against one
whose crops miss. *Match*: a question that belongs to the picture, against one that does not. Of each the AUC, as the
mean of those within a log, and over all logs. The latter falls where scores of logs are shifted and rises where logs
differ in how often crops hit: alone it proves nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from semclip import SemClip, load_relevance
from semclip.evaluation.metrics import Bools, hit_mask
from semclip.logs import Example, read_log
from semclip.selection import Selection, peak
from semclip.types import Floats

K = 2
STATISTICS = ("best score", "peak")


@dataclass(frozen=True, slots=True)
class Answered:
    """One question about one picture: whether it belongs there, whether its crops hit, and the STATISTICS."""

    log: str
    match: bool
    hit: bool
    values: tuple[float, float]


def auc(values: Floats, positive: Bools) -> float:
    """How often a positive has the higher value of a pair with a negative; ties count half. NaN without pairs.

    >>> auc(np.array([1.0, 2.0, 2.0]), np.array([False, True, False]))
    0.75
    """
    high, low = values[positive], np.sort(values[~positive])
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / (2 * len(low))) if len(high) and len(low) else float("nan")


def answered(semclip: SemClip, logs: dict[str, list[Example]]) -> list[Answered]:
    """Every question about its own picture, and of every picture as many of other logs."""
    rng = Random(0)
    outcomes = []
    for name, examples in logs.items():
        others = [example.question for other, group in logs.items() if other != name for example in group]
        by_image: dict[Path, list[Example]] = defaultdict(list)
        for example in examples:
            by_image[example.image].append(example)
        for image, group in by_image.items():
            foreign = rng.choices(others, k=len(group)) if others else []
            asked = [*(example.question for example in group), *foreign]
            selections = semclip.select_many(image, asked, k=K)
            own = zip(selections[: len(group)], group, strict=True)
            outcomes += [Answered(name, True, hits(one, example), statistics(one)) for one, example in own]
            outcomes += [Answered(name, False, False, statistics(one)) for one in selections[len(group) :]]
    return outcomes


def hits(selection: Selection, example: Example) -> bool:
    """Whether one of the crops holds the evidence."""
    return bool(hit_mask(selection.boxes, example.evidence, selection.picture.size).any())


def statistics(selection: Selection) -> tuple[float, float]:
    """Those of STATISTICS."""
    return max(one.score for one in selection.considered), peak(selection.considered)


def rows(outcomes: list[Answered]) -> list[str]:
    """Markdown: a row a statistic."""
    own = [one for one in outcomes if one.match]
    lines = ["| statistic | hit, mean | hit, all | match, mean | match, all |", "| --- | --- | --- | --- | --- |"]
    for place, name in enumerate(STATISTICS):
        cells = [*_within_and_all(own, place, "hit"), *_within_and_all(outcomes, place, "match")]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    return lines


def _within_and_all(outcomes: list[Answered], place: int, positive: str) -> tuple[float, float]:
    groups = [[one for one in outcomes if one.log == log] for log in dict.fromkeys(one.log for one in outcomes)]
    each = [_auc(group, place, positive) for group in groups]
    return float(np.mean([value for value in each if value == value] or np.nan)), _auc(outcomes, place, positive)


def _auc(group: list[Answered], place: int, positive: str) -> float:
    values = np.array([one.values[place] for one in group])
    return auc(values, np.array([getattr(one, positive) for one in group], bool))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--split")
    parser.add_argument("--psi", default="embedded")
    arguments = parser.parse_args()
    read = {str(log): list(read_log(log, split=arguments.split)) for log in arguments.logs}
    lines = rows(answered(SemClip(load_relevance(arguments.psi)), read))
    sys.stdout.write("\n".join(lines) + "\n")
