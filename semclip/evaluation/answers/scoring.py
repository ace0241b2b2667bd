"""What a reply is worth, and the records that replies become. Scores are made anew each time: no file keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from semclip.evaluation import matching
from semclip.evaluation.answers.findings import Record
from semclip.evaluation.answers.protocol import AnswerConfig
from semclip.evaluation.answers.replies import Question, by_likelihood
from semclip.evaluation.answers.store import Reply
from semclip.evaluation.metrics import covering_mask
from semclip.geometry import Box

_BETWEEN_TEXTS = " | "


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put under every strategy, without its picture, of which `image` is the content hash.

    `position` is its place among the rows of its set, `keys` name the replies.
    """

    position: int
    question: Question
    image: str
    keys: tuple[str, ...]


def score(question: Question, texts: Sequence[str], config: AnswerConfig) -> float:
    """The mean score of the texts, one for each asking, 0 to 1."""
    item = question.item
    if by_likelihood(question, config) and item.options and item.right is not None:
        return float(texts[0] == item.options[item.right])
    return fmean(
        matching.score(question.matcher, text, item, asking.order)
        for text, asking in zip(texts, question.askings, strict=True)
    )


def record(asked: Asked, strategy: str, reply: Reply, config: AnswerConfig) -> Record:
    """The reply with its score, as the findings have it."""
    question = asked.question
    return Record(
        set=question.set,
        item=question.item.id,
        image=asked.image,
        strategy=strategy,
        text=_BETWEEN_TEXTS.join(reply.texts),
        score=score(question, reply.texts, config),
        visual_tokens=reply.visual_tokens,
        seconds=reply.seconds,
        vlm_passes=reply.vlm_passes,
        boxes=reply.boxes,
        hit=_hit(reply.boxes, question.item.evidence),
        category=question.item.category,
        group=question.item.group,
    )


def _hit(boxes: Sequence[Box], evidence: Sequence[Box]) -> bool | None:
    return bool(boxes) and bool(covering_mask(boxes, evidence).any()) if evidence else None
