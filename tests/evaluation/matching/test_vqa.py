"""VQA accuracy: ten people, left out one by one."""

from __future__ import annotations

from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.matching import vqa_accuracy
from semclip.evaluation.matching.vqa import in_one_form


@pytest.mark.parametrize(("agreeing", "expected"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_four_of_ten_make_an_answer_right(agreeing: int, expected: float) -> None:
    assert vqa_accuracy("yes", ["yes"] * agreeing + ["no"] * (10 - agreeing)) == pytest.approx(expected)


@given(st.sampled_from("abc"), st.lists(st.sampled_from("bcd"), min_size=4, max_size=10))
def test_it_is_the_mean_over_those_left_out(said: str, answers: list[str]) -> None:
    subsets = [answers[:place] + answers[place + 1 :] for place in range(len(answers))]
    assert vqa_accuracy(said, answers) == pytest.approx(mean(min(1, rest.count(said) / 3) for rest in subsets))


@pytest.mark.parametrize("answers", [["red"], ["red", "blue"], ["blue", "red", "red"]])
def test_of_few_people_any_may_be_right(answers: list[str]) -> None:
    assert (vqa_accuracy("Red", answers), vqa_accuracy("green", answers)) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("The Dog", "dog"),
        ("none", "0"),
        ("twenty two", "twenty 2"),
        ("dont", "don't"),
        ("its", "its"),
        ("couldnt've", "couldn't've"),
        ("stop!", "stop"),
        ("coca-cola", "coca cola"),
        ("black, white", "black white"),
        ("10,000", "10000"),
        ("2.5", "2.5"),
        ("u.s.a.", "usa"),
        ("a\tb\n c", "b c"),
        ("12:30", "12:30"),
    ],
)
def test_answers_come_into_one_form(answer: str, form: str) -> None:
    assert in_one_form(answer) == form
