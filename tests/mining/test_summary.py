"""What a mining job says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semclip.geometry import Box, Size
from semclip.mining.shards import MinedRow
from semclip.mining.summary import Summary

BOXES = [(0, 0, 40, 40), (10, 0, 50, 40), (50, 50, 90, 90), (0, 0, 100, 100)]
SHOWN = (Box(12, 12, 30, 30),)


def row(rewards: list[float], evidence: tuple[Box, ...] = SHOWN) -> MinedRow:
    values = np.array(rewards, np.float32)
    edges = np.array(BOXES, np.int32)
    return MinedRow("a", Path("a.png"), "0", Size(100, 100), "What?", ("it",), evidence, None, edges, values, 4)


def test_positives_are_held_against_the_evidence_that_the_log_knows() -> None:
    summary = Summary()
    summary.add([row([1, 0, 0.5, 0]), row([1, 1, 0, 0.4]), row([1, 1, 1, 1], evidence=())])
    told = summary.counts()["evidence"]
    assert told == {"tried": 8, "tried_hits": 4, "positives": 4, "positive_hits": 3}
    assert "75% of the positives show known evidence, 50% of all boxes tried" in str(summary)


def test_without_known_evidence_nothing_is_said_of_it() -> None:
    summary = Summary()
    summary.add([row([1, 0, 0, 0], evidence=())])
    assert "evidence" not in str(summary)
