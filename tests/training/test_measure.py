"""Measuring: against counting by hand, with a ψ whose scores are known."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semclip import images
from semclip.geometry import Box, Size
from semclip.mining.rewards import POSITIVE
from semclip.mining.store import MinedRow
from semclip.selection import MAX_OVERLAP
from semclip.training.measure import Measured, measure, spread
from semclip.types import Floats, Picture, Regions, Weighed
from tests.fakes import spotted

SIZE = Size(60, 40)
BOXES = tuple(Box(x, y, x + side, y + side) for side in (10, 16) for x, y in product(range(0, 44, 8), range(0, 24, 8)))


@dataclass(frozen=True)
class Scripted:
    """Scores by question and box, drawn at random; counts its encodings."""

    name: str = "scripted"
    fingerprint: str = "5c"
    embedded: list[str] = field(default_factory=list)

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        self.embedded.append(image.digest)
        return Regions(image.size, tuple(boxes), np.zeros((len(boxes), 1), np.float32), self.fingerprint)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return np.array([score(question, box) for box in regions.boxes])


@dataclass(frozen=True)
class Piecemeal(Scripted):
    """Sees one piece in all boxes but the last, less of it in each, and a small one in the last."""

    def score(self, question: str, regions: Regions, /) -> Floats:
        return self.weigh(question, regions).scores

    def weigh(self, question: str, regions: Regions, /) -> Weighed:
        shared = np.append(np.linspace(9, 8, len(regions) - 1), 0)
        worth = np.stack([shared, np.arange(len(regions)) == len(regions) - 1])
        return Weighed(worth.sum(0), worth)


def score(question: str, box: Box) -> float:
    return float(np.random.default_rng([int(question), *box.to_list()]).random())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        Image.fromarray(spotted(SIZE, {Box(number, 0, number + 9, 9): (255, 0, 0)})).save(root / f"{number}.png")
    return [root / f"{number}.png" for number in range(5)]


def make_rows(pictures: Sequence[Path], count: int, *, seed: int) -> list[MinedRow]:
    """Rows about random pictures, each knowing some boxes."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(count):
        image = pictures[int(rng.integers(len(pictures)))]
        known = sorted(rng.choice(len(BOXES), rng.integers(1, len(BOXES)), replace=False).tolist())
        rows.append(
            MinedRow(
                id=str(number),
                image=image,
                digest=images.load(image).digest,
                size=SIZE,
                question=str(number),
                answers=(),
                evidence=(),
                split="dev",
                edges=np.array([BOXES[place].to_list() for place in known], np.int32),
                rewards=(rng.random(len(known)) ** 3).astype(np.float32),
                passes=0,
            )
        )
    return rows


def overlap(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0) * max(height, 0) / min(one.area, other.area)


def rank_by_hand(row: MinedRow) -> float:
    """Of the best box, and of the next that does not repeat it, the first that is a positive."""
    order = sorted(zip(row.boxes, row.rewards, strict=True), key=lambda pair: -score(row.question, pair[0]))
    best = order[0]
    rest = [pair for pair in order[1:] if overlap(best[0], pair[0]) <= MAX_OVERLAP]
    return next((place for place, pair in enumerate([best, *rest[:1]], 1) if pair[1] >= POSITIVE), math.inf)


def test_a_psi_that_sees_pieces_is_measured_by_what_its_crops_add(pictures: list[Path]) -> None:
    (row,) = make_rows(pictures, 1, seed=0)
    rewards = np.zeros(len(row.edges), np.float32)
    rewards[-1] = 1
    assert measure(Piecemeal(), [replace(row, rewards=rewards)]).ranks.tolist() == [2]


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_as_one_would_by_hand(pictures: list[Path], seed: int) -> None:
    rows = make_rows(pictures, 40, seed=seed)
    psi = Scripted()
    found = measure(psi, rows)
    counted = [row for row in rows if (row.rewards >= POSITIVE).any()]
    order = list(dict.fromkeys(row.digest for row in counted))
    by_hand = [rank_by_hand(row) for digest in order for row in counted if row.digest == digest]
    assert found.ranks.tolist() == by_hand
    assert {1.0, 2.0, math.inf} <= set(by_hand)
    assert found.rate(1) == by_hand.count(1) / len(by_hand)
    assert found.rate(2) == sum(rank <= 2 for rank in by_hand) / len(by_hand)
    assert Counter(found.pictures.tolist()) == Counter(order.index(row.digest) for row in counted)
    assert psi.embedded == order


def test_without_rows_nothing_is_hit_and_nothing_is_known() -> None:
    found = measure(Scripted(), [])
    assert (found.rate(1), found.interval(2), found.p_value(found, 2)) == (0.0, None, 1.0)


def measured(ranks: Sequence[float], pictures: Sequence[int] | None = None) -> Measured:
    return Measured(np.array(ranks), np.array(range(len(ranks)) if pictures is None else pictures, np.int64))


@given(st.lists(st.sampled_from([1.0, 2.0, math.inf]), min_size=1, max_size=30))
def test_an_interval_holds_the_rate(ranks: list[float]) -> None:
    found = measured(ranks)
    interval = found.interval(2)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= found.rate(2) <= high <= 1


def test_questions_of_one_picture_are_no_independent_evidence() -> None:
    ranks = [1.0, math.inf] * 20
    alone, shared = measured(ranks).interval(1), measured(ranks, [place // 20 for place in range(40)]).interval(1)
    assert alone is not None
    assert shared == (0.5, 0.5)
    assert alone[0] < 0.5 < alone[1]


def test_a_difference_has_the_p_value_of_its_signs() -> None:
    better, worse = measured([1, 1, 1, 1, 2]), measured([math.inf, math.inf, 2, math.inf, 2])
    assert better.p_value(worse, 1) == worse.p_value(better, 1) == 0.125
    assert better.p_value(worse, 2) == 0.25
    assert better.p_value(better, 2) == 1.0
    of_one = measured([1, 1, 1, 1, 2], [0] * 5), measured([math.inf] * 5, [0] * 5)
    assert of_one[0].p_value(of_one[1], 1) == 1.0


@pytest.mark.parametrize("most", [1, 2, 3, 4, 9])
def test_a_spread_takes_whole_pictures_from_all_over(pictures: list[Path], most: int) -> None:
    rows = make_rows(pictures, 40, seed=0)
    order = list(dict.fromkeys(row.digest for row in rows))
    kept = spread(rows, most, picture=lambda row: row.digest)
    taken = list(dict.fromkeys(row.digest for row in kept))
    places = [order.index(digest) for digest in taken]
    assert len(taken) == min(most, 5)
    assert kept == [row for row in rows if row.digest in taken]
    assert places[0] == 0
    assert max((b - a for a, b in pairwise([*places, 5])), default=0) <= math.ceil(5 / len(taken))
