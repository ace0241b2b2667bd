"""Any ψ, asked about the thing that a question names rather than about the question: `phrases:NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semclip.geometry import Box
from semclip.protocols import Relevance, weigh
from semclip.relevance.phrases import noun_phrase
from semclip.relevance.table import load_relevance
from semclip.types import Floats, Picture, Regions, Weighed


@dataclass(frozen=True)
class Phrased:
    """`inner`, which is given the noun phrase of each question; its regions are those of `inner` and serve both."""

    inner: Relevance

    @property
    def name(self) -> str:
        return f"phrases:{self.inner.name}"

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return self.inner.embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        return self.inner.score(noun_phrase(question), regions)

    def weigh(self, question: str, regions: Regions, /) -> Weighed:
        """As `inner` does where it sees pieces."""
        return weigh(self.inner, noun_phrase(question), regions)


def load(spec: str) -> Phrased:
    """The ψ called `spec` behind noun phrases; raises as `load_relevance` does."""
    return Phrased(load_relevance(spec))
