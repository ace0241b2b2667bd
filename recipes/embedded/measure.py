"""How often the ψ under training is right on some dev questions of each set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from semclip.evaluation.compare import compare
from semclip.evaluation.measurement import EvalConfig, System
from semclip.evaluation.report import POOLED
from semclip.logs import Example, read_log
from semclip.protocols import Relevance
from semclip.training.measure import spread

PICTURES = 12
"""Of each set."""
K = 2


def dev_rows(data: Path, sets: Sequence[str]) -> dict[str, list[Example]]:
    """The dev questions about some pictures of each set, the same ones every time."""
    logs = {name: list(read_log(data / name / "questions.jsonl", split="dev")) for name in sets}
    return {name: spread(rows, PICTURES, picture=lambda row: row.image) for name, rows in logs.items()}


def hit_rate(psi: Relevance, rows: Mapping[str, Sequence[Example]]) -> float:
    """The mean of hit@2 over the sets."""
    system = System(psi.name, psi.fingerprint, lambda _: psi)
    report = compare(rows, [system], config=EvalConfig((K,), split="dev", resamples=100))
    return fmean(result.hit[K].value for result in report.results if result.set != POOLED)
