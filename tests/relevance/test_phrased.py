"""ψ behind noun phrases."""

from __future__ import annotations

import numpy as np

from semclip.geometry import Box
from semclip.protocols import Piecewise
from semclip.relevance.phrased import Phrased, load
from semclip.relevance.phrases import noun_phrase
from semclip.relevance.table import load_relevance
from semclip.types import Weighed
from tests.fakes import ArrayPicture, ColorRelevance

QUESTION = "What is the brand of the red car?"


def test_the_phrase_is_scored_and_not_the_question() -> None:
    inner = load_relevance("random")
    picture = ArrayPicture(np.zeros((4, 4, 3), np.uint8))
    regions = inner.embed(picture, [picture.size.box])
    assert noun_phrase(QUESTION) != QUESTION
    assert Phrased(inner).score(QUESTION, regions) == inner.score(noun_phrase(QUESTION), regions)
    assert Phrased(inner).score(QUESTION, regions) != inner.score(QUESTION, regions)


def test_what_the_psi_inside_sees_in_pieces_is_seen_in_pieces() -> None:
    inner = load_relevance("embedded")
    picture = ArrayPicture(np.zeros((64, 64, 3), np.uint8))
    regions = inner.embed(picture, [picture.size.box, Box(0, 0, 20, 20)])
    assert isinstance(inner, Piecewise)
    ours, inners = Phrased(inner).weigh(QUESTION, regions), inner.weigh(noun_phrase(QUESTION), regions)
    assert ours.worth is not None
    assert inners.worth is not None
    assert np.array_equal(ours.worth, inners.worth)
    assert np.array_equal(ours.scores, inners.scores)


def test_a_psi_without_pieces_stays_without() -> None:
    color = ColorRelevance()
    picture = ArrayPicture(np.zeros((4, 4, 3), np.uint8))
    regions = color.embed(picture, [picture.size.box])
    weighed = Phrased(color).weigh(QUESTION, regions)
    assert weighed == Weighed(Phrased(color).score(QUESTION, regions), None)


def test_regions_are_shared_with_the_psi_inside() -> None:
    psi = Phrased(ColorRelevance())
    assert psi.fingerprint == psi.inner.fingerprint
    assert psi.name == "phrases:color"


def test_a_name_with_the_prefix_loads_it() -> None:
    assert load_relevance("phrases:center") == load("center")
