"""Which rows of a log can be used, how many cannot and why, and how many are too many.

Looks whether an image is there, not into it: its size and whether it can be read is for whoever opens it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from semclip.errors import InputError, LogError
from semclip.logs.rows import BadLine, Example, reject, shown

Need = Literal["answers", "evidence"]

_SHOWN_REASONS = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows of a log may be rejected: at most `amount`, of every 100 rows where it `is_share`."""

    amount: Fraction
    is_share: bool

    def exceeded(self, rejected: int, rows: int) -> bool:
        return rejected * 100 > self.amount * rows if self.is_share else rejected > self.amount

    def check(self, rejected: int, rows: int, rejects: Path | None = None) -> None:
        """Nothing; LogError where it is exceeded, which names the file `rejects` that says why."""
        if self.exceeded(rejected, rows):
            where = "" if rejects is None else f"; see {rejects}"
            raise LogError(f"a log needs at most {self} of its rows rejected, got {rejected} of {rows}{where}")

    def __str__(self) -> str:
        return f"{float(self.amount):.12g}{'%' if self.is_share else ''}"


def parse_limit(text: str) -> Limit:
    """The limit that is written as a number of rows or as a share of all.

    >>> parse_limit("100").exceeded(101, 10_000), parse_limit("0.5%").exceeded(50, 10_000)
    (True, False)
    """
    number, percent, rest = text.partition("%")
    if (
        not re.fullmatch(r"\d{1,9}(\.\d{1,9})?" if percent else r"\d{1,9}", number)
        or rest
        or (percent and float(number) > 100)
    ):
        raise InputError(f"a limit needs to be a number of rows or a share like 1%, got {text!r}")
    return Limit(Fraction(number), bool(percent))


def check_rows(
    rows: Iterable[Example | BadLine], source: Path, *, needs: Sequence[Need] = (), files: bool = True
) -> Iterator[Example | BadLine]:
    """Yield one value for each of `rows`, in order: an example that cannot be used becomes a bad line of `source`.

    `needs`: "answers" wants one that is not blank, "evidence" a box. `files`: the image has to be a file.
    """
    for row in rows:
        flaw = _flaw(row, needs, files) if isinstance(row, Example) else None
        yield row if flaw is None or isinstance(row, BadLine) else reject(row, source, flaw)


def _flaw(example: Example, needs: Sequence[Need], files: bool) -> str | None:
    if files and not os.path.isfile(example.image):
        return f"'image' needs a file, got {example.image}"
    if "answers" in needs and not any(answer.strip() for answer in example.answers):
        return f"'answers' needs one that is not blank, got {shown(example.answers)}"
    if "evidence" in needs and not example.evidence:
        return "'evidence' needs a box, got []"
    return None


class Tally:
    """What a log holds, counted row by row."""

    def __init__(self) -> None:
        self.used = 0
        self.answers = 0
        self.evidence = 0
        self.splits: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._first: dict[str, BadLine] = {}

    def add(self, row: Example | BadLine) -> None:
        if isinstance(row, BadLine):
            kind = _kind(row)
            self._reasons[kind] += 1
            self._first.setdefault(kind, row)
            return
        self.used += 1
        self.answers += any(answer.strip() for answer in row.answers)
        self.evidence += bool(row.evidence)
        self.splits[row.split or ""] += 1

    @property
    def rejected(self) -> int:
        return self._reasons.total()

    @property
    def rows(self) -> int:
        return self.used + self.rejected

    @property
    def reasons(self) -> list[tuple[int, BadLine]]:
        """How many rows were rejected for one kind of reason, and the first of them; the most frequent kinds first."""
        return [(count, self._first[kind]) for kind, count in self._reasons.most_common(_SHOWN_REASONS)]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; rows without a split are counted under ""."""
        return {
            "rows": self.rows,
            "used": self.used,
            "rejected": self.rejected,
            "splits": dict(sorted(self.splits.items())),
            "answers": self.answers,
            "evidence": self.evidence,
            "reasons": [
                {"count": count, "line": first.line, "id": first.id, "reason": first.reason}
                for count, first in self.reasons
            ],
        }

    def __str__(self) -> str:
        splits = ", ".join(f"{count} {split or 'without'}" for split, count in sorted(self.splits.items()))
        lines = [
            f"{self.rows} rows: {self.used} used, {self.rejected} rejected",
            f"used: {self.answers} with answers, {self.evidence} with evidence; splits: {splits or 'none'}",
        ]
        lines += [f"{count:>7}  line {first.line}: {first.reason}" for count, first in self.reasons]
        return "\n".join(lines)


def _kind(row: BadLine) -> str:
    """The reason without what it was given: "'question' needs text" for all that have none."""
    return re.split(r", got |: ", row.reason, maxsplit=1)[0]
