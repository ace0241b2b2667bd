"""The questions that crops turned right, or wrong, with what the model was shown: for people to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from semclip.adapters.fusion import framed_picture, plan
from semclip.errors import InputError
from semclip.evaluation.answers.asking import questions
from semclip.evaluation.answers.findings import Flip, Record
from semclip.evaluation.answers.protocol import AnswerConfig
from semclip.evaluation.answers.replies import Posed
from semclip.evaluation.answers.scoring import Asked
from semclip.evaluation.answers.strategies import Strategy, evenly
from semclip.evaluation.answers.summary import Row
from semclip.evaluation.datasets.items import Dataset
from semclip.evaluation.report import Rejected
from semclip.prompts import encode

MOST = 12
_RIGHT = 0.5
"""A score from which on an answer counts as right here."""


@dataclass(frozen=True, slots=True)
class _Turned:
    """One flip without pictures."""

    asked: Asked
    before: Record
    after: Record

    @property
    def won(self) -> bool:
        return self.after.score >= _RIGHT


def find_flips(
    sets: Sequence[Dataset],
    asked: Mapping[str, Sequence[tuple[Asked, Row]]],
    strategies: Sequence[Strategy],
    config: AnswerConfig,
) -> tuple[Flip, ...]:
    """At most `MOST` questions that the first ψ turned right, then as many that it turned wrong, spread over all sets.

    What the first strategy answered is what they are held against; none where no ψ was asked.
    """
    index = next((at for at, one in enumerate(strategies) if at and one.spec.kind == "psi"), None)
    if index is None:
        return ()
    turned = [
        _Turned(one, row[0], row[index])
        for dataset in sets
        for one, row in asked[dataset.name]
        if (row[0].score >= _RIGHT) != (row[index].score >= _RIGHT)
    ]
    kept = [one for won in (True, False) for one in evenly([one for one in turned if one.won is won], MOST)]
    draw = partial(_flip, strategies[index])
    flips = [flip for dataset in sets for flip in _drawn(dataset, kept, draw, config)]
    return tuple(sorted(flips, key=lambda flip: not flip.won))


def _drawn(
    dataset: Dataset, turned: Sequence[_Turned], draw: Callable[[_Turned, Posed], Flip], config: AnswerConfig
) -> list[Flip]:
    """The flips of one set, whose pictures are read anew."""
    at = {one.asked.position: one for one in turned if one.before.set == dataset.name}
    if not at:
        return []
    flips = []
    for position, posed in questions(dataset, config, wanted=frozenset(at)):
        if not isinstance(posed, Rejected):
            flips.append(draw(at[position], posed))
    return flips


def _flip(strategy: Strategy, turned: _Turned, posed: Posed) -> Flip:
    item, picture, boxes = posed.question.item, posed.picture, turned.after.boxes
    adapter = strategy.vlm.adapter
    count = partial(adapter.visual_tokens, tiling=False)
    terms = plan(picture.size, boxes, style=adapter.style, showing=strategy.vlm.showing, count=count)
    if len(terms.crops) != len(boxes):
        raise InputError(f"crops that were shown need to fit a second time, got {len(terms.crops)} of {len(boxes)}")
    crops = [framed_picture(picture, box, size) for box, size in zip(boxes, terms.crops, strict=True)]
    right = () if item.right is None or not item.options else (item.options[item.right],)
    return Flip(
        set=turned.before.set,
        item=item.id,
        question=item.question,
        expected=tuple(dict.fromkeys(item.answers)) or right,
        strategy=strategy.name,
        before=turned.before.text,
        after=turned.after.text,
        won=turned.won,
        width=picture.size.width,
        height=picture.size.height,
        boxes=boxes,
        overview=encode(framed_picture(picture, None, terms.overview), "jpeg"),
        crops=tuple(encode(crop, "jpeg") for crop in crops),
    )
