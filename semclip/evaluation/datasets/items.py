"""A question of a benchmark as it was published, and a benchmark as a stream of such questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semclip.geometry import Box
from semclip.logs import BadLine

MatcherName = Literal["exact", "vqa", "anls", "choice", "yes_no"]
GroupRule = Literal["mean", "all"]
"""What a group of questions scores: the mean of its scores, or its least: 1 only where all of them are right."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    `image`: a file, or its encoded bytes where the benchmark carries pictures inside. `question`: what is asked,
    without options or instructions. `answers`: the accepted texts (of a choice: that of the right option; of VQA: what
    each annotator said). `options`: in published order, `right` the place of the right one. `evidence`: boxes that hold
    the answer, where the benchmark knows them. `group`: questions that count together (a pair of MMVP, the cycles of
    one question of HR-Bench); empty where each counts alone.
    """

    id: str
    image: Path | bytes
    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    right: int | None = None
    evidence: tuple[Box, ...] = ()
    category: str = ""
    split: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A benchmark in a local copy.

    `read` yields its questions one at a time, each time from the start, and what cannot be read as BadLine. `digest`:
    hex hash of what was opened, cheap even for files of gigabytes (sizes and beginnings, not contents).
    """

    name: str
    format: str
    matcher: MatcherName
    digest: str
    read: Callable[[], Iterator[Item | BadLine]]
    group_rule: GroupRule = "mean"
