"""From selections and texts to what the model says, in batches: written, or the likeliest of given answers.

Knows models and prompts; nothing of files, scores or how selections came about.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from semclip.errors import InputError
from semclip.evaluation.answers.protocol import AnswerConfig, Asking, candidates
from semclip.evaluation.answers.store import Reply
from semclip.evaluation.answers.strategies import Strategy
from semclip.evaluation.datasets.items import Item, MatcherName
from semclip.geometry import Box
from semclip.images import Image
from semclip.selection import Selection
from semclip.types import Mixture, Prompt
from semclip.vlm import VLM

if TYPE_CHECKING:
    from semclip.adapters.chat import ChatAdapter


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a set, the texts that are sent for it, and what its answers are scored by."""

    set: str
    item: Item
    askings: tuple[Asking, ...]
    matcher: MatcherName

    @property
    def candidates(self) -> tuple[str, ...]:
        """The texts one of which is the answer; none where it is free."""
        return candidates(self.item, self.matcher)


@dataclass(frozen=True, slots=True)
class Posed:
    """A question and its picture."""

    question: Question
    picture: Image


@dataclass(frozen=True, slots=True)
class Job:
    """A question to be asked with what a strategy shows; `seconds` have been spent on choosing that."""

    posed: Posed
    strategy: Strategy
    selection: Selection
    seconds: float = 0.0

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(asking.text for asking in self.posed.question.askings)


@dataclass(frozen=True, slots=True)
class _Said:
    """What came back for one text."""

    text: str
    visual_tokens: int | None
    passes: int
    boxes: tuple[Box, ...]


def by_likelihood(question: Question, config: AnswerConfig) -> bool:
    """Whether the answer is the likeliest of given ones, and not what the model writes."""
    return config.options == "likelihood" and bool(question.candidates)


def require_likelihoods(vlm: VLM) -> None:
    """Nothing. Raises: InputError for a model that is not in memory; MissingExtra without the extra `torch`."""
    from semclip.adapters.chat import ChatAdapter

    if not isinstance(vlm.adapter, ChatAdapter):
        raise InputError(f"likelihoods need a model in memory, got {vlm.adapter.name}; choose another order of options")


def replies(jobs: Sequence[Job], config: AnswerConfig) -> list[Reply]:
    """One reply for each job, in order. All are shown one way, and `by_likelihood` is the same for all.

    What a reply cost is the mean of its askings; time is shared equally in the batch.
    Raises: as `VLM.ask_many` does, for all where one fails.
    """
    start_s = time.perf_counter()
    say = _likeliest if by_likelihood(jobs[0].posed.question, config) else _written
    said = say(jobs, config)
    each_s = (time.perf_counter() - start_s) / len(said)
    made, at = [], 0
    for job in jobs:
        own = said[at : at + len(job.texts)]
        at += len(own)
        made.append(_reply(job, own, job.seconds + each_s))
    return made


def _reply(job: Job, said: Sequence[_Said], seconds: float) -> Reply:
    first, texts = said[0], tuple(one.text for one in said)
    passes = first.passes + job.selection.made_by.vlm_passes
    return Reply(texts, first.visual_tokens, round(seconds, 6), passes, first.boxes)


def _written(jobs: Sequence[Job], config: AnswerConfig) -> list[_Said]:
    pairs = [(job, text) for job in jobs for text in job.texts]
    said = list[_Said]()
    for start in range(0, len(pairs), config.batch_size):
        batch = pairs[start : start + config.batch_size]
        said += _unseen(batch, config) if _blind(jobs[0]) else _seen(batch, config)
    return said


def _seen(batch: Sequence[tuple[Job, str]], config: AnswerConfig) -> list[_Said]:
    vlm = batch[0][0].strategy.vlm
    answers = vlm.answer([job.selection for job, _ in batch], [text for _, text in batch], max_tokens=config.max_tokens)
    return [
        _Said(
            answer.text,
            answer.usage.visual_tokens,
            vlm.passes(len(answer.shown)),
            tuple(one.box for one in answer.shown),
        )
        for answer in answers
    ]


def _unseen(batch: Sequence[tuple[Job, str]], config: AnswerConfig) -> list[_Said]:
    vlm = batch[0][0].strategy.vlm
    decoding = replace(vlm.decoding, max_tokens=config.max_tokens)
    said = []
    for completion in vlm.adapter.complete([_alone(text) for _, text in batch], decoding):
        if isinstance(completion, Exception):
            raise completion
        said.append(_Said(completion.text, 0, 1, ()))
    return said


def _likeliest(jobs: Sequence[Job], config: AnswerConfig) -> list[_Said]:
    """Each job's likeliest candidate, as the model would write it; jobs that share one are given it together."""
    from semclip.adapters.chat.forcing import as_written, log_likelihoods

    adapter = cast("ChatAdapter", jobs[0].strategy.vlm.adapter)  # as `require_likelihoods` saw to
    shown = [_shown(job) for job in jobs]
    candidates = [job.posed.question.candidates for job in jobs]
    written = [as_written(adapter, one[0], texts) for one, texts in zip(shown, candidates, strict=True)]
    likelihoods: list[dict[str, float]] = [{} for _ in jobs]
    for text in dict.fromkeys(text for texts in written for text in texts):
        having = [at for at, texts in enumerate(written) if text in texts]
        for start in range(0, len(having), config.batch_size):
            batch = having[start : start + config.batch_size]
            found = log_likelihoods(adapter, [shown[at][0] for at in batch], text)
            for at, value in zip(batch, found, strict=True):
                likelihoods[at][text] = value
    said = []
    for texts, spelled, told, (mixture, tokens, boxes) in zip(candidates, written, likelihoods, shown, strict=True):
        best, _ = max(zip(texts, spelled, strict=True), key=lambda pair: told[pair[1]])
        said.append(_Said(best, tokens, len(mixture.prompts) * (1 + len(told)), boxes))
    return said


def _shown(job: Job) -> tuple[Mixture, int | None, tuple[Box, ...]]:
    if _blind(job):
        return _alone(job.texts[0]), 0, ()
    view = job.strategy.vlm.view(job.selection, job.texts[0])
    return view.mixture, view.usage.visual_tokens, tuple(one.box for one in view.shown)


def _blind(job: Job) -> bool:
    return job.strategy.spec.kind == "blind"


def _alone(text: str) -> Mixture:
    return Mixture((Prompt((text,), tiling=False),))
