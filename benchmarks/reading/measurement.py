"""From questions to whether their answers can be read in what each strategy shows.

Knows pictures, ψ and a reader, and nothing of means or intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from PIL.Image import Image as PILImage

from benchmarks.reading.pictures import SIDE_PX, TILED, UNTILED, shown, tiled, whole
from semclip import images
from semclip.cache import MemoryCache
from semclip.errors import ImageError, InputError
from semclip.evaluation.answers.findings import Record
from semclip.evaluation.measurement import System, checked
from semclip.geometry import Size
from semclip.images import Image
from semclip.logs import Example
from semclip.mining.readers.matching import Word, matches, normalised
from semclip.mining.readers.ocr import ReadsText
from semclip.pipeline import SemClip
from semclip.selection import Choice

OVERVIEW, ANYRES = "overview", "anyres"
_CROPS = {"center": 1, "tiles": 4}
"""Of the ψ that choose the same crops whatever is asked."""

Row = tuple[Record, ...]
"""One question: a record for each strategy, in the order of the strategies."""


@dataclass(frozen=True)
class Terms:
    """What is measured: which ψ, with how many crops, read by whom, on the set called `name`."""

    name: str
    systems: tuple[System, ...]
    ks: tuple[int, ...]
    text: ReadsText

    @property
    def strategies(self) -> tuple[str, ...]:
        """The overview alone, with the tiles of AnyRes, with crops of each ψ: NAME/K, or NAME where K is its own."""
        return OVERVIEW, ANYRES, *chain.from_iterable(map(self._named, self.systems))

    def counts(self, system: System) -> tuple[int, ...]:
        """How many crops of a ψ are shown."""
        return (_CROPS[system.name],) if system.name in _CROPS else self.ks

    def _named(self, system: System) -> list[str]:
        return [system.name if system.name in _CROPS else f"{system.name}/{k}" for k in self.counts(system)]


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What one strategy shows, and what it costs."""

    pictures: tuple[PILImage, ...]
    visual_tokens: int


def try_image(rows: Sequence[Example], terms: Terms) -> list[Row | InputError]:
    """What became of each of `rows`, which share an image, or why it takes no part."""
    try:
        picture, cache = images.load(rows[0].image), MemoryCache()
        picture.resized(Size(1, 1))
        return [_try(row, picture, cache, terms) for row in rows]
    except ImageError as error:
        return [error for _ in rows]


def _try(row: Example, picture: Image, cache: MemoryCache, terms: Terms) -> Row | InputError:
    answers = [answer for answer in map(normalised, row.answers) if answer]
    if not answers:
        return InputError(f"a question needs an answer of letters or digits, got {list(row.answers)}")
    try:
        example = checked(row, picture.size)
    except InputError as error:
        return error
    all_shown = list(_shown(example, picture, cache, terms))
    pages = iter(terms.text(list(chain.from_iterable(one.pictures for one in all_shown))))
    legible = [any([_legible(answers, next(pages)) for _ in one.pictures]) for one in all_shown]
    return tuple(
        Record(
            set=terms.name,
            item=str(row.id),
            image=picture.digest,
            strategy=strategy,
            text=row.answers[0] if read else "",
            score=float(read),
            visual_tokens=one.visual_tokens,
            seconds=0.0,
            vlm_passes=0,
        )
        for strategy, one, read in zip(terms.strategies, all_shown, legible, strict=True)
    )


def _shown(example: Example, picture: Image, cache: MemoryCache, terms: Terms) -> Iterator[_Shown]:
    """What each of `terms.strategies` shows of a question."""
    overview = whole(picture)
    yield _untiled([overview])
    yield _Shown((overview, *tiled(picture)), TILED.count([picture.size]))
    for system in terms.systems:
        counts = terms.counts(system)
        clip = SemClip(system.relevance_for(example), choice=Choice(k=max(counts)), cache=cache)
        pictures = shown(clip.select(picture, example.question))
        for k in counts:
            yield _untiled(pictures[: 1 + k])


def _untiled(pictures: Sequence[PILImage]) -> _Shown:
    return _Shown(tuple(pictures), UNTILED.count([Size(SIDE_PX, SIDE_PX)] * len(pictures)))


def _legible(answers: Sequence[str], page: Sequence[Word]) -> bool:
    """Whether some answer can be read in the words of a picture."""
    return any(next(matches(answer, page), None) is not None for answer in answers)
