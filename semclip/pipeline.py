"""SemClip: a picture and a question go in, a selection comes out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from semclip import images
from semclip.cache import MemoryCache, RegionCache, region_key
from semclip.errors import InputError, ModelError
from semclip.images import Image, Limits
from semclip.proposals import pyramid
from semclip.protocols import Proposer, Relevance, weigh
from semclip.relevance.table import load_relevance
from semclip.selection import Choice, Selection, choose
from semclip.types import Maker, Regions, Scored, Weighed

if TYPE_CHECKING:
    from semclip.images import ImageSource


def _embedded() -> Relevance:
    return load_relevance("embedded")


@dataclass(frozen=True)
class SemClip:
    """A ψ, a proposer and the terms of choice, ready for any number of pictures and questions.

    Regions go through `cache`, so that further questions on the same picture are answered without encoding it again.
    """

    relevance: Relevance = field(default_factory=_embedded)
    propose: Proposer = pyramid
    choice: Choice = Choice()
    cache: RegionCache = field(default_factory=MemoryCache, repr=False)
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        gate = self.choice.gate
        if gate is None:
            return
        if (gate.psi, gate.proposer) != (self.relevance.fingerprint, self.propose.name):
            needed = f"{self.relevance.name} {self.relevance.fingerprint} and {self.propose.name}"
            raise InputError(f"a gate needs to be calibrated for {needed}, got one for {gate.psi} and {gate.proposer}")

    def embed(self, image: ImageSource | Image) -> Regions:
        """The candidate boxes of `image` with their features, from the cache where it has them."""
        picture = self._load(image)
        boxes = self.propose(picture.size)
        key = region_key(picture, self.relevance, self.propose, boxes)
        regions = self.cache.get(key)
        if regions is None:
            # A cache that kept pictures would keep their pixels.
            regions = replace(self.relevance.embed(picture, boxes), picture=None)
            self.cache.put(key, regions)
        return replace(regions, picture=picture)

    def select(self, image: ImageSource | Image, question: str, *, k: int | None = None) -> Selection:
        """The k boxes of `image` that matter most to `question`, best first; `k` is the choice's unless given.

        With k = 0 nothing is considered, and ψ does no work.
        """
        return self.select_many(image, [question], k=k)[0]

    def select_many(
        self, image: ImageSource | Image, questions: Sequence[str], *, k: int | None = None
    ) -> tuple[Selection, ...]:
        """One selection for each question, in order, all on one decoding and one encoding of `image`.

        Raises: InputError on an empty question or an unusable image; ModelError where ψ gives unusable scores.
        """
        if isinstance(questions, str):
            raise InputError(f"select_many needs a list of questions, got one text: {questions!r}")
        if not all(isinstance(question, str) for question in questions):
            raise InputError(f"a question needs to be text, got {[type(question).__name__ for question in questions]}")
        if not all(question.strip() for question in questions):
            raise InputError("a question needs at least one visible character, got an empty one")
        choice = self.choice if k is None else replace(self.choice, k=k)
        picture = self._load(image)
        regions = self.embed(picture) if choice.k else self._unscored(picture)
        name = os.fspath(image) if isinstance(image, str | os.PathLike) else picture.digest
        maker = self._maker(choice, regions)
        selections = []
        for question in questions:
            scores, worth = self._weigh(question, regions)
            considered = tuple(Scored(box, float(one)) for box, one in zip(regions.boxes, scores, strict=True))
            chosen = choose(considered, choice, size=regions.size, worth=worth)
            gate = choice.gate if choice.k else None
            selections.append(Selection(name, question, picture, chosen, considered, maker, gate))
        return tuple(selections)

    def _load(self, image: ImageSource | Image) -> Image:
        return image if isinstance(image, Image) else images.load(image, self.limits)

    def _maker(self, choice: Choice, regions: Regions) -> Maker:
        psi = self.relevance
        return Maker(
            psi=psi.name,
            fingerprint=psi.fingerprint,
            proposer=self.propose.name,
            k=choice.k,
            max_overlap=choice.max_overlap,
            threshold=choice.threshold,
            max_visual_tokens=choice.max_visual_tokens,
            vlm_passes=regions.vlm_passes,
            min_gain=choice.min_gain,
        )

    def _unscored(self, picture: Image) -> Regions:
        """What k = 0 needs: no candidate, and so no work for ψ."""
        return Regions(picture.size, (), np.zeros((0, 1), np.float32), self.relevance.fingerprint)

    def _weigh(self, question: str, regions: Regions) -> Weighed:
        psi, n = self.relevance, len(regions)
        if not n:
            return Weighed(np.zeros(0))
        weighed = weigh(psi, question, regions)
        if np.shape(weighed.scores) != (n,):
            raise ModelError(f"psi {psi.name} needs {n} scores, gave shape {np.shape(weighed.scores)}")
        if weighed.worth is not None and np.shape(weighed.worth)[1:] != (n,):
            raise ModelError(f"psi {psi.name} needs {n} columns of worth, gave shape {np.shape(weighed.worth)}")
        return weighed
