"""The loop: every question of some sets is put to a model under every strategy, unless its reply is there already.

Knows streams of questions, keys and batches. How a reply is made is in replies.py, where it stays in store.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, final

from semclip import images
from semclip.adapters.fusion import Showing
from semclip.errors import InputError, ServerRefusal, TooManyPictures, UnknownModel
from semclip.evaluation.answers.protocol import RULE, AnswerConfig, askings, digest
from semclip.evaluation.answers.replies import Job, Posed, Question, by_likelihood, replies
from semclip.evaluation.answers.scoring import Asked, score
from semclip.evaluation.answers.store import Reply, Store
from semclip.evaluation.answers.strategies import Strategy
from semclip.evaluation.datasets.items import Dataset, Item
from semclip.evaluation.report import Rejected
from semclip.images import Image
from semclip.logs import BadLine

Progress = Callable[[int, int], None]
"""Called with (answers there, answers in all), first with none there."""

_OF_ONE_QUESTION = (400, 413, 422)
"""HTTP statuses of a refusal that tells nothing of other questions: one too long, one that is not welcome."""

_Way = tuple[Showing | None, bool]
"""What questions of one batch share: how crops are shown, None without a picture, and whether likelihoods decide."""


@final
@dataclass
class Asker:
    """Puts questions under strategies, in batches of one way of showing; replies go to the store as they come.

    `failures`: why a key got no reply.
    """

    strategies: Sequence[Strategy]
    store: Store
    model: Mapping[str, str]
    config: AnswerConfig
    failures: dict[str, str] = field(default_factory=dict)
    _waiting: dict[_Way, dict[str, Job]] = field(default_factory=dict)

    def ask(self, posed: Posed) -> tuple[str, ...]:
        """The key of each strategy's reply, which may come later, at `flush` at the latest."""
        return tuple(self._ask(posed, strategy) for strategy in self.strategies)

    def flush(self) -> None:
        """Nothing; every key then has a reply or a failure."""
        for way in list(self._waiting):
            self._settle(self._waiting.pop(way))

    @cached_property
    def _made_by(self) -> tuple[Any, ...]:
        decoding = replace(self.strategies[0].vlm.decoding, max_tokens=self.config.max_tokens)
        # Weights tell two models apart, and no folder that they lie in; a model on a server has its name alone.
        model = self.model.get("fingerprint", self.model["name"])
        return RULE, model, str(decoding)

    def _ask(self, posed: Posed, strategy: Strategy) -> str:
        key = self._key(posed, strategy)
        way = (
            None if strategy.spec.kind == "blind" else strategy.vlm.showing,
            by_likelihood(posed.question, self.config),
        )
        waiting = self._waiting.setdefault(way, {})
        if key in self.store or key in self.failures or key in waiting:
            return key
        try:
            if strategy.spec.kind == "best":
                self.store.put([(key, self._best(posed, strategy), _about(posed, strategy))])
                return key
            start_s = time.perf_counter()
            selection = next(strategy.tries(posed.picture, posed.question.item))
            waiting[key] = Job(posed, strategy, selection, time.perf_counter() - start_s)
        except (InputError, ServerRefusal) as error:
            self.failures[key] = _reason(error)
        if sum(len(job.texts) for job in waiting.values()) >= self.config.batch_size:
            self._settle(self._waiting.pop(way))
        return key

    def _key(self, posed: Posed, strategy: Strategy) -> str:
        """Of all that decides the reply, and of nothing else: what a name or a file is called is no part of it."""
        question, kind = posed.question, strategy.spec.kind
        item = question.item
        known: Any = None
        if kind == "oracle":
            known = [box.to_list() for box in item.evidence]
        elif kind == "best":  # whose end depends on what is right
            known = [question.matcher, item.answers, item.options, item.right]
        asked = [asking.text for asking in question.askings]
        likeliest = question.candidates if by_likelihood(posed.question, self.config) else None
        picture = None if kind == "blind" else posed.picture.digest
        return digest(*self._made_by, strategy.fingerprint, picture, item.question, asked, likeliest, known)

    def _settle(self, jobs: Mapping[str, Job]) -> None:
        """Gives each key its reply; what fails for one question alone is found by asking one by one."""
        if not jobs:
            return
        try:
            made = replies(list(jobs.values()), self.config)
        except (InputError, ServerRefusal) as error:
            reason = _reason(error)
            if len(jobs) == 1:
                self.failures.update(dict.fromkeys(jobs, reason))
            else:
                for key, job in jobs.items():
                    self._settle({key: job})
            return
        rows = zip(jobs.items(), made, strict=True)
        self.store.put((key, reply, _about(job.posed, job.strategy)) for (key, job), reply in rows)

    def _best(self, posed: Posed, strategy: Strategy) -> Reply:
        """The reply of the first try that is right, or of the best; passes and seconds are those of all until then."""
        tries = strategy.tries(posed.picture, posed.question.item)
        best: tuple[float, Reply] | None = None
        passes, seconds, size = 0, 0.0, 1
        while (best is None or best[0] < 1) and (batch := list(islice(tries, size))):
            for reply in replies([Job(posed, strategy, selection) for selection in batch], self.config):
                passes, seconds = passes + reply.vlm_passes, seconds + reply.seconds
                reached = score(posed.question, reply.texts, self.config)
                if best is None or reached > best[0]:
                    best = reached, reply
                if reached >= 1:
                    break
            # The overview alone often suffices: nothing is tried beside it before that is known.
            size = max(1, self.config.batch_size // len(posed.question.askings))
        if best is None:
            raise InputError(f"{strategy.name} needs something to try, got nothing for {posed.question.item.id}")
        return replace(best[1], vlm_passes=passes, seconds=round(seconds, 6))


def ask_all(
    sets: Sequence[Dataset], asker: Asker, *, progress: Progress
) -> tuple[dict[str, list[Asked]], list[Rejected]]:
    """The questions of each set that have a reply under every strategy, and those that took no part and why."""
    each = len(asker.strategies)
    done, total = 0, each * sum(_count(dataset, asker.config) for dataset in sets)
    asked: dict[str, list[Asked]] = {dataset.name: [] for dataset in sets}
    rejected = []
    progress(done, total)
    for dataset in sets:
        for position, posed in questions(dataset, asker.config):
            if isinstance(posed, Rejected):
                rejected.append(posed)
            else:
                keys = asker.ask(posed)
                asked[dataset.name].append(Asked(position, _light(posed.question), posed.picture.digest, keys))
            done += each
            progress(min(done, total), total)
    asker.flush()
    for name, rows in asked.items():
        failed = [(row, next((key for key in row.keys if key in asker.failures), None)) for row in rows]
        rejected += [
            Rejected(name, row.question.item.id, asker.failures[key]) for row, key in failed if key is not None
        ]
        asked[name] = [row for row, key in failed if key is None]
    return asked, rejected


def questions(
    dataset: Dataset, config: AnswerConfig, *, wanted: frozenset[int] | None = None
) -> Iterator[tuple[int, Posed | Rejected]]:
    """Yield the questions of a set that `config` asks for, each with its place, or only those in `wanted` places.

    Questions on one picture that follow one another share it.
    """
    last: tuple[Any, Image] | None = None
    for position, row in _limited(dataset, config):
        if wanted is not None and position not in wanted:
            continue
        if isinstance(row, BadLine):
            yield position, Rejected(dataset.name, row.id, str(row.error))
            continue
        try:
            if last is None or last[0] != row.image:
                last = row.image, images.load(row.image, config.limits)
            yield position, _posed(dataset, row, last[1], config)
        except InputError as error:
            yield position, Rejected(dataset.name, row.id, str(error))


def _posed(dataset: Dataset, item: Item, picture: Image, config: AnswerConfig) -> Posed:
    if not item.answers and item.right is None:
        raise InputError("a question needs an answer to be scored by, got none")
    matcher = config.matcher or dataset.matcher
    return Posed(Question(dataset.name, item, askings(item, matcher, config), matcher), picture)


def _limited(dataset: Dataset, config: AnswerConfig) -> Iterator[tuple[int, Item | BadLine]]:
    """Yield the first questions of the split that is asked for, each with its place, and bad rows among them."""
    taken, wanted = 0, config.split
    for position, row in enumerate(dataset.read()):
        if isinstance(row, BadLine):
            if wanted is None or row.split in (None, wanted):
                yield position, row
        elif wanted in (None, row.split):
            if taken == config.limit:
                return
            taken += 1
            yield position, row


def _count(dataset: Dataset, config: AnswerConfig) -> int:
    return sum(1 for _ in _limited(dataset, config))


def _light(question: Question) -> Question:
    """The same without its picture's bytes: thousands are kept."""
    return (
        replace(question, item=replace(question.item, image=b""))
        if isinstance(question.item.image, bytes)
        else question
    )


def _about(posed: Posed, strategy: Strategy) -> dict[str, str]:
    return {"set": posed.question.set, "item": posed.question.item.id, "strategy": strategy.name}


def _reason(error: InputError | ServerRefusal) -> str:
    """What is wrong with one question. Raises: the error where it would be wrong with every other one."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, TooManyPictures | UnknownModel) or error.status not in _OF_ONE_QUESTION:
        raise error
    return str(error)
