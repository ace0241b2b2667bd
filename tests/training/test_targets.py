from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semclip.geometry import Box, Size
from semclip.training.learner import Asked, Sample
from semclip.training.targets import common_targets

SIZE = Size(200, 100)


def asked(question: str, *rewards: float) -> Asked:
    return Asked(question, np.array(rewards, np.float32))


def sample(name: str, boxes: int, *questions: Asked) -> Sample:
    return Sample(Path(name), name, SIZE, tuple(Box(0, 0, 10 + place, 20) for place in range(boxes)), questions)


@st.composite
def batches(draw: st.DrawFn) -> list[Sample]:
    widths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    questions = st.sampled_from(["Where is the cup?", "where is a CUP", "What is the total?"])
    rewards = st.floats(0, 1, width=32) | st.just(float("nan"))
    return [
        sample(
            str(place),
            width,
            *(
                asked(question, *draw(st.lists(rewards, min_size=width, max_size=width)))
                for question in draw(st.lists(questions, max_size=3))
            ),
        )
        for place, width in enumerate(widths)
    ]


@given(batches())
def test_every_question_finds_its_picture_and_its_rewards_and_the_rest_is_padding(samples: list[Sample]) -> None:
    batch = common_targets(samples)
    rows = [(place, one) for place, sample in enumerate(samples) for one in sample.asked]
    widest = max(len(sample.boxes) for sample in samples)
    assert batch["picture"].tolist() == [place for place, _ in rows]
    assert batch["valid"].sum(1).tolist() == [len(sample.boxes) for sample in samples]
    assert batch["rewards"].shape == (len(rows), widest)
    assert batch["boxes"].shape == (len(samples), widest, 4)
    for (place, one), rewards in zip(rows, batch["rewards"].numpy(), strict=True):
        count = len(samples[place].boxes)
        np.testing.assert_array_equal(rewards[:count], one.rewards)
        assert np.isnan(rewards[count:]).all()
    assert (batch["boxes"][~batch["valid"]] == 0).all()
    assert batch["alike"].shape == (len(rows), len(samples))
    assert all(batch["alike"][row, place] for row, (place, _) in enumerate(rows))


@given(batches())
def test_pictures_are_alike_where_the_same_is_asked_and_nowhere_else(samples: list[Sample]) -> None:
    batch = common_targets(samples)
    words = [one.question.casefold().split()[0] for sample in samples for one in sample.asked]
    for row, word in enumerate(words):
        for place, other in enumerate(samples):
            shared = word in {one.question.casefold().split()[0] for one in other.asked}
            assert batch["alike"][row, place].item() == (shared or place == batch["picture"][row])


def test_boxes_are_fractions_of_their_picture() -> None:
    boxes = common_targets([Sample(Path("a"), "a", SIZE, (Box(0, 50, 100, 100),), ())])["boxes"]
    assert boxes.tolist() == [[[0.0, 0.5, 0.5, 1.0]]]


def test_another_word_makes_another_question_and_an_article_does_not() -> None:
    samples = [
        sample("a", 1, asked("Where is the cup?", 1.0)),
        sample("b", 1, asked("where is  a cup", 1.0)),
        sample("c", 1, asked("Where is the cap?", 1.0)),
    ]
    assert common_targets(samples)["alike"].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_the_same_pixels_twice_are_alike_whatever_is_asked() -> None:
    twice = [sample("a", 1, asked("Where is the cup?", 1.0)), sample("a", 1, asked("Read the sign.", 1.0))]
    assert common_targets(twice)["alike"].all()


def test_an_empty_batch_has_empty_targets() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in common_targets([]).items()}
    assert shapes == {"picture": (0,), "rewards": (0, 0), "valid": (0, 0), "alike": (0, 0), "boxes": (0, 0, 4)}
