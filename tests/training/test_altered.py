from __future__ import annotations

import re
import tomllib
from importlib import resources
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from semclip.training.altered import Alterations, alter, altered_questions, gist
from semclip.training.learner import Asked

seeds = st.integers(0, 1000)
chess = [f"Where is the {color} {piece}?" for color in ("black", "white") for piece in ("queen", "bishop", "pawn")]
questions = st.text(max_size=60) | st.lists(
    st.sampled_from(
        "Where is a an the cup CUP red Dogs people's 7 12 3.5 dog-house mouse sign \u017fign scissors of".split()
    )
).map(" ".join)


def every(question: str, **options: set[str]) -> set[str | None]:
    """What comes of the question over many seeds."""
    return {alter(question, Random(seed), **options) for seed in range(200)}


@given(questions, seeds)
def test_a_variant_is_another_question_and_the_same_for_a_seed(question: str, seed: int) -> None:
    variant = alter(question, Random(seed))
    assert variant == alter(question, Random(seed))
    assert variant is None or gist(variant) != gist(question)


@given(st.lists(questions, max_size=6), questions, seeds)
def test_a_log_only_adds_variants(log: list[str], question: str, seed: int) -> None:
    alterations = Alterations.of(log)
    variant = alterations.alter(question, Random(seed))
    assert variant == alterations.alter(question, Random(seed))
    assert variant is None or gist(variant) != gist(question)
    assert variant is not None or alter(question, Random(seed)) is None


@given(questions, seeds)
def test_what_is_avoided_does_not_come_out(question: str, seed: int) -> None:
    variant = alter(question, Random(seed))
    assume(variant is not None)
    assert variant is not None
    assert alter(question, Random(seed), avoid={gist(variant)}) != variant


@pytest.mark.parametrize(
    ("question", "pattern"),
    [
        ("Where is the red car?", r"Where is the (?:(?!red)[a-z]+ car|red (?!car)[a-z]+)\?"),
        ("How many dogs?", r"How many (?!dog)[a-z]+s?\?"),
        ("KNIVES", r"[A-Z ]+S"),
        ("Dogs bark", r"(?!Dogs)[A-Z][a-z]+ bark"),
        ("Is there a cup?", r"Is there a (?!cup)[^aeiou][a-z ]+\?"),
        ("Find a pear.", r"Find (?:an apple|an onion|a [^aeiou][a-z]+)\."),
        ("What is in room 204?", r"What is in room (?!204)(?:[1-9]04|2[1-9]4|20[1-9])\?"),
        ("Are there two beds?", r"Are there (?:(?!two)[a-z]+ beds|two (?!beds)[a-z]+s|two shelves)\?"),
        ("Read the licence plate.", r"Read the (?!licence|license|number|plate)[a-z]+\."),
        ("What is the total amount?", r"What is the (?!total|amount)[a-z -]+\?"),
        ("Where are the scissors?", r"Where are the (?!scissors)[a-z]+s\?"),
    ],
)
def test_a_variant_asks_for_another_of_its_kind(question: str, pattern: str) -> None:
    variants = every(question)
    assert len(variants) > 1
    assert all(variant and re.fullmatch(pattern, variant) for variant in variants), variants


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Why?",
        "Read the text.",
        "a carpet-bag of oxcarts",
        "dog-house",
        "version 3.5",
        "2018-06-15",
        "B12",
        "\u017fign",
        "50%",
    ],
)
def test_where_nothing_known_occurs_there_is_no_variant(question: str) -> None:
    assert every(question) == {None}


def test_a_synonym_is_no_other_thing() -> None:
    assert not every("the couch") & {"the sofa", None}
    assert not every("the gray wall") & {"the grey wall", None}


def test_a_thing_that_is_there_already_is_not_put_beside_itself() -> None:
    assert not every("Is the dog next to the cat?") & {"Is the cat next to the cat?", "Is the dog next to the dog?"}


def test_an_article_follows_its_word() -> None:
    variants = {variant for variant in every("Find a pear.") if variant and " an " in variant}
    assert variants
    assert {variant.split()[2][0] for variant in variants} <= set("aeiou")


def test_the_questions_of_a_log_lend_each_other_what_they_ask_for() -> None:
    alterations = Alterations.of([*chess, "Find the rook."])
    variants = {alterations.alter("Where is the black queen?", Random(seed)) for seed in range(300)}
    assert set(chess) - {"Where is the black queen?"} <= variants
    assert "Where is the rook?" not in variants


def test_a_part_of_what_is_asked_for_is_not_lent() -> None:
    alterations = Alterations.of(
        ["Where is the gearbox?", "Where is the old gearbox?", "Where is the gearbox of steel?"]
    )
    assert {alterations.alter("Where is the old gearbox?", Random(seed)) for seed in range(50)} <= {
        None,
        "Where is the gearbox of steel?",
    }


def test_a_question_whose_thing_is_the_same_box_lends_nothing() -> None:
    names = ["Where is the gearbox?", "Where is the transmission?", "Where is the crankshaft?"]
    rewards = [(1.0, 0.0, np.nan), (0.7, 0.0, 0.0), (0.0, 1.0, 0.0)]
    asked = [Asked(name, np.array(values, np.float32)) for name, values in zip(names, rewards, strict=True)]
    rng = Random(0)
    for _ in range(50):
        first, second, third = altered_questions(asked, Alterations.of(names), rng)
        assert (first.question, second.question, third.question) == tuple(names)
        assert first.altered == second.altered == "Where is the crankshaft?"
        assert third.altered in names[:2]


def test_the_word_lists_have_each_word_once() -> None:
    lists = tomllib.loads(resources.files("semclip.training").joinpath("altered.toml").read_text("utf-8"))
    entries = [entry for kind in lists.values() for group in kind.values() for entry in group]
    forms = [form for entry in entries for synonym in entry.split("|") for form in synonym.split("/") if form]
    doubles = {form for form in forms if forms.count(form) > 1}
    assert doubles <= {"aircraft"}
    assert all(form == form.lower().strip() for form in forms)
