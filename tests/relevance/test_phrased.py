"""ψ behind noun phrases."""

from __future__ import annotations

import numpy as np

from semclip.relevance.phrased import Phrased, load
from semclip.relevance.phrases import noun_phrase
from semclip.relevance.table import load_relevance
from tests.fakes import ArrayPicture, ColorRelevance

QUESTION = "What is the brand of the red car?"


def test_the_phrase_is_scored_and_not_the_question() -> None:
    inner = load_relevance("random")
    picture = ArrayPicture(np.zeros((4, 4, 3), np.uint8))
    regions = inner.embed(picture, [picture.size.box])
    assert noun_phrase(QUESTION) != QUESTION
    assert Phrased(inner).score(QUESTION, regions) == inner.score(noun_phrase(QUESTION), regions)
    assert Phrased(inner).score(QUESTION, regions) != inner.score(QUESTION, regions)


def test_regions_are_shared_with_the_psi_inside() -> None:
    psi = Phrased(ColorRelevance())
    assert psi.fingerprint == psi.inner.fingerprint
    assert psi.name == "phrases:color"


def test_a_name_with_the_prefix_loads_it() -> None:
    assert load_relevance("phrases:center") == load("center")
