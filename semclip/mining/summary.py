"""What a mining job came to, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from semclip.evaluation.metrics import hit_mask
from semclip.logs import BadLine
from semclip.mining.rewards import POSITIVE
from semclip.mining.shards import MinedRow


@dataclass(slots=True)
class Evidence:
    """How well rewards agree with evidence boxes, where rows have some: the hits among boxes tried and among positives.

    Where positives hit hardly more often than what was tried, the reader rewards something else than seeing.
    """

    tried: int = 0
    tried_hits: int = 0
    positives: int = 0
    positive_hits: int = 0

    def add(self, row: MinedRow) -> None:
        """Nothing; the row's boxes then count, if it has evidence."""
        if row.evidence:
            hits, positive = hit_mask(row.boxes, row.evidence, row.size), row.rewards >= POSITIVE
            self.tried += len(hits)
            self.tried_hits += int(hits.sum())
            self.positives += row.positives
            self.positive_hits += int((hits & positive).sum())

    def __str__(self) -> str:
        wanted, all_ = self.positive_hits / max(1, self.positives), self.tried_hits / max(1, self.tried)
        return f"{wanted:.0%} of the positives show known evidence, {all_:.0%} of all boxes tried"


@dataclass(slots=True)
class Summary:
    """What a job came to. `positives`: how many rows have so many positives. `spent`: passes of rows read now."""

    rows: int = 0
    rejects: list[BadLine] = field(default_factory=list)
    positives: Counter[int] = field(default_factory=Counter)
    evidence: Evidence = field(default_factory=Evidence)
    passes: int = 0
    most_passes: int = 0
    spent: int = 0
    seconds: float = 0.0

    @property
    def rejected(self) -> int:
        return len(self.rejects)

    @property
    def used(self) -> int:
        return self.positives.total()

    @property
    def with_positive(self) -> int:
        return self.used - self.positives[0]

    @property
    def mean_positives(self) -> float:
        total = sum(many * rows for many, rows in self.positives.items())
        return total / self.used if self.used else 0.0

    def add(self, rows: Iterable[MinedRow]) -> None:
        """Nothing; the rows then count as used."""
        for row in rows:
            self.positives[row.positives] += 1
            self.evidence.add(row)
            self.passes += row.passes
            self.most_passes = max(self.most_passes, row.passes)

    def counts(self) -> dict[str, Any]:
        """What is the same for every run of the job, ready for JSON."""
        return {
            "rows": self.rows,
            "used": self.used,
            "rejected": self.rejected,
            "with_positive": self.with_positive,
            "positives": {str(many): rows for many, rows in sorted(self.positives.items())},
            "evidence": asdict(self.evidence),
            "passes": self.passes,
            "most_passes": self.most_passes,
        }

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self.counts(), "mean_positives": self.mean_positives, "spent": self.spent, "seconds": self.seconds}

    def __str__(self) -> str:
        lines = [
            f"{self.rows} rows: {self.used} used, {self.rejected} rejected",
            f"{self.with_positive} rows with a positive; {self.mean_positives:.1f} positives a row on average",
            *([str(self.evidence)] if self.evidence.tried else []),
            f"{self.passes} passes of the reader, at most {self.most_passes} a row; {self.spent} of them now",
            f"{self.seconds:.1f} s, {self.rows / max(self.seconds, 1e-9):.1f} rows/s",
        ]
        return "\n".join(lines)
