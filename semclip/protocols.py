"""The three seams. Anything with these methods takes part; nothing is registered and nothing inherits."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Protocol, runtime_checkable

from semclip.errors import TooManyPictures
from semclip.geometry import Box, Size
from semclip.types import Completion, Decoding, Floats, Mixture, Picture, Regions, Style, Weighed


class Proposer(Protocol):
    """Says where to look, from the image's size alone."""

    @property
    def name(self) -> str: ...

    def __call__(self, size: Size, /) -> tuple[Box, ...]: ...


class Relevance(Protocol):
    """Scores regions against a question. `embed` never sees the question; `score` sees what `regions` hold."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Hex hash of everything that decides the features: weights, preprocessing, version."""
        ...

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions: ...

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,), higher is better; -inf marks a box that must not be chosen."""
        ...


@runtime_checkable
class Piecewise(Protocol):
    """What a ψ may be beside: it tells which pieces of the evidence each box holds, so that none is shown twice."""

    def weigh(self, question: str, regions: Regions, /) -> Weighed:
        """The scores that `score` gives, and what they are made of."""
        ...


def weigh(psi: Relevance, question: str, regions: Regions) -> Weighed:
    """What ψ says of the boxes, in pieces where it sees any."""
    return psi.weigh(question, regions) if isinstance(psi, Piecewise) else Weighed(psi.score(question, regions))


class Adapter(Protocol):
    """A frozen VLM: reads prompts, answers, and counts visual tokens as its processor does."""

    @property
    def name(self) -> str:
        """Of the model, as its own publisher or server calls it."""
        ...

    @property
    def style(self) -> Style: ...

    def visual_tokens(self, sizes: Sequence[Size], /, *, tiling: bool) -> int | None:
        """What pictures of these sizes cost in one prompt; None where that cannot be known.

        Raises: InputError for a size that the processor refuses.
        """
        ...

    def complete(self, mixtures: Sequence[Mixture], decoding: Decoding, /) -> tuple[Completion | TooManyPictures, ...]:
        """One completion for each mixture, in order, or the refusal that fewer pictures would cure.

        Raises: ModelError or ServerError for every other failure; InputError for a mixture that it cannot take.
        """
        ...

    async def complete_async(self, mixture: Mixture, decoding: Decoding, /) -> Completion:
        """The completion of one mixture. Raises as `complete` does, TooManyPictures too."""
        ...

    def stream(self, mixture: Mixture, decoding: Decoding, /) -> Generator[str, None, None]:
        """The text of one completion in pieces, as it is made; closing it ends the work. Raises as `complete_async`."""
        ...

    def stream_async(self, mixture: Mixture, decoding: Decoding, /) -> AsyncGenerator[str, None]:
        """As `stream`."""
        ...
