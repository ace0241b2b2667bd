"""What a step sees: a function of seed and step, each picture once an epoch, sizes of one kind, positives kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.mining.rewards import POSITIVE
from semclip.mining.store import MinedRow
from semclip.training.altered import Alterations
from semclip.training.learner import Sample
from semclip.training.sampling import Limits, Sampler, Shot, shots, whole

LIMITS = Limits(256)
KINDS = (Size(40, 30), Size(30, 40), Size(30, 30))


def row(picture: int, rewards: dict[int, float], question: str = "where is the red cup?") -> MinedRow:
    """About a picture whose boxes are strips, with the rewards of some."""
    edges = np.array([[2 * place, 0, 2 * place + 2, 30] for place in rewards], np.int32)
    return MinedRow(
        id=f"{picture} {question}",
        image=Path(f"{picture}.png"),
        digest=f"d{picture}",
        size=Size(60, 30),
        question=question,
        answers=(),
        evidence=(),
        split=None,
        edges=edges,
        rewards=np.array(list(rewards.values()), np.float32),
        passes=0,
    )


def shot(number: int, size: Size = KINDS[0], *, questions: int = 1, boxes: int = 8, positives: int = 1) -> Shot:
    rng = np.random.default_rng(number)
    rewards = np.zeros((questions, boxes), np.float32)
    for one in rewards:
        one[rng.choice(boxes, positives, replace=False)] = 1
    strips = tuple(Box(place, 0, place + 1, 30) for place in range(boxes))
    asked = tuple(f"question {number} {place}?" for place in range(questions))
    return Shot(Path(f"{number}.png"), f"d{number}", size, strips, asked, rewards)


def sampler(taken: Sequence[Shot], count: int = 4, *, seed: int = 0, limits: Limits = LIMITS) -> Sampler:
    alterations = Alterations.of(question for one in taken for question in one.questions)
    return Sampler(taken, count, seed, lambda size: size.width > size.height, alterations, limits)


def told(samples: Sequence[Sample]) -> list[object]:
    return [
        (one.digest, one.boxes, [(asked.question, asked.rewards.tolist(), asked.altered) for asked in one.asked])
        for one in samples
    ]


def test_rows_of_a_picture_become_one_shot_with_all_their_boxes() -> None:
    rows = [row(0, {1: 1.0, 2: 0.0}), row(1, {0: 0.9, 5: 0.1}), row(0, {2: 0.7, 3: 0.2}, "other?")]
    first, second = shots(rows)
    assert (first.digest, second.digest) == ("d0", "d1")
    assert first.boxes == tuple(Box(2 * place, 0, 2 * place + 2, 30) for place in (1, 2, 3))
    assert first.questions == ("where is the red cup?", "other?")
    np.testing.assert_array_equal(first.rewards, np.array([[1, 0, np.nan], [np.nan, 0.7, 0.2]], np.float32))


@pytest.mark.parametrize("rewards", [{0: 1.0, 1: 0.6}, {0: 0.0, 1: 0.4}])
def test_a_row_without_a_positive_or_without_a_negative_teaches_nothing(rewards: dict[int, float]) -> None:
    assert shots([row(0, rewards)]) == []
    (kept,) = shots([row(0, rewards), row(0, {2: 1.0, 3: 0.0}, "other?")])
    assert kept.questions == ("other?",)


@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=20), st.integers(1, 6), st.integers(0, 9), st.integers(0, 3)
)
def test_an_epoch_shows_every_picture_and_never_mixes_kinds(
    sizes: list[Size], count: int, seed: int, epoch: int
) -> None:
    taken = [shot(number, size) for number, size in enumerate(sizes)]
    made = sampler(taken, count, seed=seed)
    first = epoch * made.per_epoch
    batches = [made(number) for number in range(first, first + made.per_epoch)]
    kinds = [{one.size.width > one.size.height for one in batch} for batch in batches]
    assert all(len(batch) == count for batch in batches)
    assert all(len(kind) == 1 for kind in kinds)
    seen = Counter(one.digest for batch in batches for one in batch)
    assert set(seen) == {one.digest for one in taken}
    for wide in (True, False):
        group = [one.digest for one in taken if (one.size.width > one.size.height) == wide]
        # Each once, and as often again as fills the last batch.
        assert sum(seen[digest] for digest in group) - len(group) == -len(group) % count


def test_full_batches_show_each_picture_exactly_once_in_an_order_of_their_own() -> None:
    made = sampler([shot(number) for number in range(24)])
    orders = [[one.digest for place in range(6) for one in made(6 * epoch + place)] for epoch in range(3)]
    assert made.per_epoch == 6
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len(set(orders[0])) == 24
    assert orders[0] != orders[1] != orders[2]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(0, 5))
def test_what_a_batch_holds_depends_on_its_number_and_the_seed_alone(numbers: list[int], seed: int) -> None:
    taken = [shot(number, KINDS[number % 3], questions=3, boxes=12) for number in range(9)]
    limits = Limits(boxes=6, questions=2)
    straight = sampler(taken, seed=seed, limits=limits)
    expected = {number: told(straight(number)) for number in sorted(numbers)}
    other = sampler(taken, seed=seed, limits=limits)
    Random(0).random()
    assert {number: told(other(number)) for number in numbers} == expected


def test_another_seed_makes_other_batches() -> None:
    taken = [shot(number) for number in range(16)]
    assert told(sampler(taken, seed=1)(0)) != told(sampler(taken, seed=2)(0))


@given(st.integers(2, 12), st.integers(1, 5), st.integers(1, 12), st.integers(0, 9))
def test_capped_boxes_keep_positives_of_every_question_in_turn(
    most: int, questions: int, positives: int, seed: int
) -> None:
    taken = shot(seed, questions=questions, boxes=40, positives=positives)
    ((one, *_),) = [sampler([taken], 1, seed=seed, limits=Limits(boxes=most))(0)]
    rewards = np.stack([asked.rewards for asked in one.asked])
    places = [taken.boxes.index(box) for box in one.boxes]
    assert len(one.boxes) == most
    assert places == sorted(set(places))
    np.testing.assert_array_equal(rewards, taken.rewards[:, places])
    wanted = (rewards >= POSITIVE).any(0)
    assert wanted.any()
    if most >= 2 * questions:
        assert (rewards >= POSITIVE).any(1).all()
    assert wanted.sum() >= min(most // 2, (taken.rewards >= POSITIVE).any(0).sum())


def test_capped_questions_are_other_ones_each_time_and_in_order() -> None:
    taken = shot(0, questions=12)
    made = sampler([taken], 1, limits=Limits(256, questions=5))
    asked = [[taken.questions.index(one.question) for one in made(number)[0].asked] for number in range(8)]
    assert all(len(one) == 5 and one == sorted(set(one)) for one in asked)
    assert len({tuple(one) for one in asked}) > 1


def test_the_whole_has_all_boxes_and_questions_as_they_were_asked() -> None:
    taken = [shot(number, questions=12, boxes=30) for number in range(3)]
    samples = whole(taken)
    assert [(one.digest, one.boxes, len(one.asked)) for one in samples] == [
        (one.digest, one.boxes, 12) for one in taken
    ]
    assert all(asked.altered is None for one in samples for asked in one.asked)


def test_some_questions_come_with_a_false_variant() -> None:
    taken = [
        replace(shot(number), questions=(f"where is the {color} cup?",)) for number, color in enumerate(["red", "blue"])
    ]
    altered = [one.asked[0].altered for number in range(6) for one in sampler(taken, 2)(number)]
    assert any(altered)
    assert all(text is None or text.startswith("where is the ") for text in altered)


def test_without_anything_to_learn_from_there_is_no_sampler() -> None:
    with pytest.raises(InputError, match="a positive and a negative box, got none"):
        sampler([])
