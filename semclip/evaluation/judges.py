"""Whether the overview alone suffices for a question, and whether crops do: by evidence boxes, or by asking a model.

Knows pictures, pipelines and models, and nothing of thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from semclip import images
from semclip.errors import ImageError, InputError
from semclip.evaluation.matching import is_right
from semclip.evaluation.measurement import checked
from semclip.evaluation.metrics import hit_mask
from semclip.geometry import Box, Size
from semclip.images import Image
from semclip.logs import Example
from semclip.pipeline import SemClip
from semclip.selection import OVERVIEW_PX, Choice, Gate, Selection, peak
from semclip.vlm import VLM

LEGIBLE_PX = 28
"""One visual token of Qwen2-VL spans 28 px: what is thinner in the overview shares its token with something else."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One question, answered twice: whether each way was right, and the visual tokens it cost, None if unknown.

    `peak` is what a gate would go by, `alone` is with the overview alone, `aided` with crops.
    """

    image: Path
    peak: float
    alone: bool
    aided: bool
    tokens_alone: int | None
    tokens_aided: int | None


class Judge(Protocol):
    """Tries the questions of one image both ways."""

    @property
    def name(self) -> str: ...

    @property
    def semclip(self) -> SemClip: ...

    def __call__(self, rows: Sequence[Example], /) -> list[Trial | InputError]:
        """One trial for each of `rows`, which share an image, or why there is none."""
        ...


@dataclass(frozen=True)
class EvidenceJudge:
    """Goes by the log's evidence boxes; asks no model.

    The overview suffices where the shorter side of some evidence box measures at least `legible_px` in it. Crops are
    right there too, and where one of them is a hit (metrics.hit_mask): the overview stays beside them.
    """

    semclip: SemClip
    legible_px: float = LEGIBLE_PX

    @property
    def name(self) -> str:
        return f"evidence of at least {self.legible_px:g} px in the overview"

    def __call__(self, rows: Sequence[Example], /) -> list[Trial | InputError]:
        try:
            picture = images.load(rows[0].image, self.semclip.limits)
            clip = replace(self.semclip, choice=replace(self.semclip.choice, gate=None))
            selections = clip.select_many(picture, [row.question for row in rows])
        except ImageError as error:
            return [error for _ in rows]
        return [self._trial(row, selection) for row, selection in zip(rows, selections, strict=True)]

    def _trial(self, row: Example, selection: Selection) -> Trial | InputError:
        size, choice = selection.picture.size, self.semclip.choice
        try:
            evidence = checked(row, size).evidence
        except InputError as error:
            return error
        alone = legible(evidence, size, legible_px=self.legible_px)
        aided = alone or bool(hit_mask(selection.boxes, evidence, size).any())
        pictures = [size.fit(OVERVIEW_PX), *(box.size for box in selection.boxes)]
        tokens_alone, tokens_aided = choice.count_tokens(pictures[:1]), choice.count_tokens(pictures)
        return Trial(row.image, peak(selection.considered), alone, aided, tokens_alone, tokens_aided)


@dataclass(frozen=True)
class AnswerJudge:
    """Asks a model: once as a closed gate would, once as an open one; right is what `is_right` says."""

    vlm: VLM

    @property
    def name(self) -> str:
        return f"answers of {self.vlm.adapter.name}"

    @property
    def semclip(self) -> SemClip:
        return self.vlm.semclip

    def __call__(self, rows: Sequence[Example], /) -> list[Trial | InputError]:
        answered = [row for row in rows if row.answers]
        try:
            picture = images.load(rows[0].image, self.semclip.limits)
            trials = iter(self._trials(picture, answered))
        except ImageError as error:
            return [error for _ in rows]
        missing = InputError("a question needs at least one answer to judge a model by, got none")
        return [next(trials) if row.answers else missing for row in rows]

    def _trials(self, picture: Image, rows: Sequence[Example]) -> list[Trial]:
        clip, pairs = self.semclip, [(picture, row.question) for row in rows]
        closed = replace(clip.choice, gate=Gate(1, clip.relevance.fingerprint, clip.propose.name))
        alone = self._using(closed).ask_many(pairs)
        aided = self._using(replace(clip.choice, gate=None)).ask_many(pairs)
        return [
            Trial(
                row.image,
                peak(crops.selection.considered),
                is_right(plain.text, row.answers),
                is_right(crops.text, row.answers),
                plain.usage.visual_tokens,
                crops.usage.visual_tokens,
            )
            for row, plain, crops in zip(rows, alone, aided, strict=True)
        ]

    def _using(self, choice: Choice) -> VLM:
        return self.vlm.using(choice=choice)


def legible(evidence: Sequence[Box], size: Size, *, legible_px: float) -> bool:
    """Whether some box of an image of `size` is, in the overview, at least `legible_px` high and wide.

    >>> legible([Box(0, 0, 400, 60)], Size(2048, 1024), legible_px=30)
    True
    """
    scale = size.fit(OVERVIEW_PX).width / size.width
    return any(min(box.size.width, box.size.height) * scale >= legible_px for box in evidence)
