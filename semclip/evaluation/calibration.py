"""From a log to a gate: how often the overview alone is right, how often crops are, and the threshold between them.

Who says what is right is in judges.py, how a threshold is found in thresholds.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from semclip import __version__
from semclip.errors import InputError
from semclip.evaluation.judges import Judge, Trial
from semclip.evaluation.report import Rejected
from semclip.evaluation.thresholds import FOLDS, Figures, best_threshold, figures_of, held_out, numbered
from semclip.logs import BadLine, Example, parse_log
from semclip.selection import GATE_STATISTIC, GATE_VERSION, Gate

Progress = Callable[[int, int], None]
"""Called with (questions done, questions in all), first with 0 done."""


@dataclass(frozen=True, slots=True)
class CalibrationConfig:
    """Which questions of a log count, and what may be lost.

    `limit` takes the first questions. `may_lose`: the share of questions by which a gate may have fewer right answers
    than the best one, for showing fewer crops.
    """

    split: str | None = None
    limit: int | None = None
    may_lose: float = 0.0

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit needs to be at least 1, got {self.limit}")
        if not 0 <= self.may_lose <= 1:
            raise InputError(f"may_lose needs to be between 0 and 1, got {self.may_lose}")


@dataclass(frozen=True, slots=True)
class Calibration:
    """A gate, what it was calibrated on, and what it does there.

    `figures` has never, always and gated; `gated` is where each question is decided by the threshold of the other
    folds of images, which is what to expect of new images: the threshold itself was chosen on all of them.
    """

    gate: Gate
    psi: str
    judge: str
    k: int
    config: CalibrationConfig
    questions: int
    images: int
    log_digest: str
    figures: dict[str, Figures]
    rejected: tuple[Rejected, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, and what `Gate.read` reads."""
        gate, config = self.gate, self.config
        return {
            "version": GATE_VERSION,
            "statistic": GATE_STATISTIC,
            "threshold": gate.threshold,
            "psi": {"name": self.psi, "fingerprint": gate.psi},
            "proposer": gate.proposer,
            "k": self.k,
            "judge": self.judge,
            "rows": self.questions,
            "images": self.images,
            "figures": {name: asdict(figures) for name, figures in self.figures.items()},
            "log": {"sha256": self.log_digest, "split": config.split, "limit": config.limit},
            "may_lose": config.may_lose,
            "rejected": len(self.rejected),
            "made_by": f"semclip {__version__}",
        }

    def __str__(self) -> str:
        """The threshold, a line for each way of deciding, and what the figures are."""
        rows = [
            f"threshold {self.gate.threshold:.4f} for the peak of {self.psi}, k = {self.k}, by {self.judge}",
            f"{'crops':<8}{'right':>6}{'95 %':>12}{'tokens':>8}{'shown':>7}",
            *(_row(name, figures) for name, figures in self.figures.items()),
            f"{self.questions} questions on {self.images} images; gated: held out, {FOLDS} folds of images",
        ]
        return "\n".join(rows)


def _row(name: str, figures: Figures) -> str:
    right, tokens = figures.right, figures.visual_tokens
    interval, shown = f"{right.low:.3f}-{right.high:.3f}", f"{figures.shown:.0%}"
    return f"{name:<8}{right.value:>6.3f}{interval:>12}{'-' if tokens is None else f'{tokens:.0f}':>8}{shown:>7}"


def calibrate(log: Path, judge: Judge, *, config: CalibrationConfig, progress: Progress | None = None) -> Calibration:
    """The gate for the ψ of `judge` that has most right answers on `log`; of several, the one that shows fewest crops.

    Raises: InputError unless k is at least 1 and two images can be judged; LogError where the log cannot be read; and
    what the judge's ψ and model raise.
    """
    clip = judge.semclip
    if clip.choice.k < 1:
        raise InputError(f"calibrate needs k of at least 1, got {clip.choice.k}")
    trials, rejected = _tried(log, judge, config, progress or _silent)
    images_T = numbered(trials)
    if not trials or images_T.max() < 1:
        seen = f"{len(set(images_T.tolist()))} images with {len(trials)} questions in {log}"
        why = f"; {rejected[0].id}: {rejected[0].reason}" if rejected else ""
        raise InputError(f"calibrate needs questions on at least 2 images that can be judged, got {seen}{why}")
    threshold = best_threshold(trials, may_lose=config.may_lose)
    policies = {
        "never": np.zeros(len(trials), np.bool_),
        "always": np.ones(len(trials), np.bool_),
        "gated": held_out(trials, images_T, may_lose=config.may_lose),
    }
    return Calibration(
        gate=Gate(threshold, clip.relevance.fingerprint, clip.propose.name),
        psi=clip.relevance.name,
        judge=judge.name,
        k=clip.choice.k,
        config=config,
        questions=len(trials),
        images=int(images_T.max()) + 1,
        log_digest=hashlib.sha256(log.read_bytes()).hexdigest(),
        figures={name: figures_of(trials, images_T, opened_T) for name, opened_T in policies.items()},
        rejected=tuple(rejected),
    )


def _silent(done: int, total: int) -> None:
    """Report nothing."""


def _tried(
    log: Path, judge: Judge, config: CalibrationConfig, progress: Progress
) -> tuple[list[Trial], list[Rejected]]:
    lines = list(parse_log(log))
    rejected = [Rejected(log.stem, line.id, str(line.error)) for line in lines if isinstance(line, BadLine)]
    rows = (line for line in lines if isinstance(line, Example) and config.split in (None, line.split))
    groups: dict[Path, list[Example]] = {}
    for row in islice(rows, config.limit):
        groups.setdefault(row.image, []).append(row)
    trials: list[Trial] = []
    done, total = 0, sum(map(len, groups.values()))
    progress(done, total)
    for group in groups.values():
        for row, outcome in zip(group, judge(group), strict=True):
            if isinstance(outcome, Trial):
                trials.append(outcome)
            else:
                rejected.append(Rejected(log.stem, row.id, str(outcome)))
        done += len(group)
        progress(done, total)
    return trials, rejected
