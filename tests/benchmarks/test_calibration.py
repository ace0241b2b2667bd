"""What one threshold tells."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.calibration import answered, auc, rows
from semclip import SemClip
from semclip.geometry import Box, Size
from semclip.logs import Example
from tests.fakes import ColorRelevance, spotted

SIZE, SPOT = Size(120, 80), Box(0, 0, 20, 20)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=20))
def test_auc_counts_pairs(some: list[tuple[int, bool]]) -> None:
    high, low = ([value for value, positive in some if positive is wanted] for wanted in (True, False))
    pairs = [float(a > b) + 0.5 * (a == b) for a, b in product(high, low)]
    value = auc(np.array([value for value, _ in some], float), np.array([positive for _, positive in some]))
    assert value == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


def test_a_question_that_belongs_to_its_picture_scores_higher(tmp_path: Path) -> None:
    logs = {}
    for word, color in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        path = tmp_path / f"{word}.png"
        Image.fromarray(spotted(SIZE, {SPOT: color})).save(path)
        logs[word] = [Example(word, path, f"Where is the {word} spot?", (), (SPOT,), SIZE)]
    outcomes = answered(SemClip(ColorRelevance()), logs)
    assert [(one.log, one.match, one.hit) for one in outcomes] == [
        ("red", True, True),
        ("red", False, False),
        ("blue", True, True),
        ("blue", False, False),
    ]
    assert rows(outcomes)[2].endswith("| 1.000 | 1.000 |")
