"""A reader that asks a VLM: what a crop does to its answer, and to how likely it finds the right one.

Knows answers and likelihoods, and of models only that a VLM shows pictures and completes prompts.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, final, get_args

import numpy as np

from semclip.adapters.fusion import Showing, fuse, plan
from semclip.errors import InputError, ServerRefusal, TooManyPictures, UnknownModel
from semclip.evaluation.matching import is_right
from semclip.geometry import Box
from semclip.mining.rewards import Query, Rewards
from semclip.selection import Selection
from semclip.types import Decoding, Fusion, Maker, Mixture, Picture, Scored
from semclip.vlm import VLM
from semclip.vlm import connect as connect_vlm
from semclip.vlm import load as load_vlm

if TYPE_CHECKING:
    from semclip.adapters.server import ServerOptions

RULE = 3
"""Version of all that decides rewards and is no option."""
CLEAR = 1.0
"""A gain in log-odds that clearly raises an answer: from 1 in 10 to 1 in 4, or from 6 in 10 to 8 in 10."""
SOFTNESS = 0.5
"""How far from CLEAR, in the same unit, a reward goes from 0.5 to 0.73 or 0.27."""
SUREST = -1e-6
"""The log-likelihood from which a model is as sure as can be told."""
KEPT = 0.25
"""Of a crop with which an answer is as right as without it: no positive, and better than a wrong one."""
SPARE_TOKENS = 8
"""What a model may write beyond the longest answer: enough to tell the answer from a sentence that begins with it."""

_OF_ONE_QUESTION = (400, 413, 422)
"""HTTP statuses of a refusal that tells nothing of other questions: one too long, one that is not welcome."""

By = Literal["answer", "likelihood", "both"]
"""What is judged: whether the answer is right, how likely the right one is, or both, at a pass each."""

Likelihood = Callable[[Sequence[Mixture], str], Sequence[float]]
"""Mean log-probability of a token of a text as the answer to each mixture."""

Spell = Callable[[Mixture, Sequence[str]], Sequence[str]]
"""Texts as the model would write them as its answer to a mixture; costs a pass a prompt."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look gave: whether the answer was right, and the log-likelihood of the right one; None if not asked."""

    right: bool | None = None
    likelihood: float | None = None


@final
@dataclass(frozen=True)
class VlmReader:
    """Asks `vlm` each question with the overview alone, and with each tried crop beside it as `vlm` shows crops.

    A pass is a prompt read: the overview takes some of the budget too, judging `by` "both" doubles what a look takes,
    and so does a crop in an ensemble. With `spell`, a pass before them tells how the model would write the right
    answer: written otherwise it is unlikely whatever is seen. `identity` tells the model from others. Decoding is
    greedy, and the looks of one question are batched with one another alone: what else is asked changes nothing.
    """

    vlm: VLM
    identity: str
    likelihood: Likelihood | None = None
    by: By = "answer"
    batch_size: int = 8
    spell: Spell | None = None

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise InputError(f"a reader judges by {', '.join(get_args(By))}, got {self.by!r}")
        if self.by != "answer" and self.likelihood is None:
            name = self.vlm.adapter.name
            raise InputError(f"reward {self.by} needs likelihoods, {name} gives none; use answer, or load the model")
        if self.batch_size < 1:
            raise InputError(f"batch_size needs to be at least 1, got {self.batch_size}")

    @property
    def name(self) -> str:
        return f"vlm:{self.vlm.adapter.name}"

    @property
    def least_passes(self) -> int:
        """Of a look at the overview and one at a crop."""
        return self._to_spell + self._per_prompt * (self.vlm.passes(0) + self.vlm.passes(1))

    @cached_property
    def fingerprint(self) -> str:
        """Of the model, how crops are shown, and the rule."""
        made_by = (RULE, self.identity, self.by, self.vlm.showing)
        return hashlib.sha256(f"vlm {made_by}".encode(errors="surrogatepass")).hexdigest()

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> Iterator[Rewards | InputError]:
        return (self._rewards(picture, query) for query in queries)

    def _rewards(self, picture: Picture, query: Query) -> Rewards | InputError:
        if not any(answer.strip() for answer in query.example.answers):
            return InputError("a reader that asks a model needs an answer to judge it by, got none")
        try:
            shown = self._affordable(picture, query)
            alone, *aided = self._look(shown, query.example.answers)
        except InputError as error:
            return error
        except ServerRefusal as error:
            if isinstance(error, TooManyPictures | UnknownModel) or error.status not in _OF_ONE_QUESTION:
                raise
            return InputError(str(error))
        values = np.full(len(query.boxes), np.nan, np.float32)
        values[list(query.tries[: len(aided)])] = [reward(alone, seen) for seen in aided]
        return Rewards(values, passes=self._to_spell + sum(map(self._cost, shown)))

    def _affordable(self, picture: Picture, query: Query) -> list[Mixture]:
        """The overview alone, then the first crops to try, as many as there are passes for."""
        shown, budget = [self._mixture(picture, query, None)], len(query.tries)
        left = budget - self._to_spell - self._cost(shown[0])
        for index in query.tries:
            shown.append(self._mixture(picture, query, query.boxes[index]))
            left -= self._cost(shown[-1])
            if left < 0:
                shown.pop()
                break
        if len(shown) == 1:
            needed = f"a picture needs as many crops to try as the least passes, {self.least_passes}"
            raise InputError(f"{needed}, got {budget} of {picture.size}")
        return shown

    def _cost(self, mixture: Mixture) -> int:
        return len(mixture.prompts) * self._per_prompt

    @property
    def _per_prompt(self) -> int:
        return 2 if self.by == "both" else 1

    @property
    def _to_spell(self) -> int:
        """Passes that a question takes before its looks."""
        return 1 if self.spell and self.by != "answer" else 0

    def _look(self, shown: Sequence[Mixture], answers: Sequence[str]) -> list[Seen]:
        decoding = Decoding(max_tokens=max(len(answer.encode()) for answer in answers) + SPARE_TOKENS)
        answer = _usual(answers)
        if self.spell and self._to_spell:
            (answer,) = self.spell(shown[0], [answer])
        seen = list[Seen]()
        for start in range(0, len(shown), self.batch_size):
            batch = shown[start : start + self.batch_size]
            rights = self._rights(batch, answers, decoding)
            seen += map(Seen, rights, self._likelihoods(batch, answer))
        return seen

    def _rights(self, batch: Sequence[Mixture], answers: Sequence[str], decoding: Decoding) -> Sequence[bool | None]:
        if self.by == "likelihood":
            return [None] * len(batch)
        rights = []
        for completion in self.vlm.adapter.complete(batch, decoding):
            if isinstance(completion, TooManyPictures):
                raise completion
            rights.append(is_right(completion.text, answers))
        return rights

    def _likelihoods(self, batch: Sequence[Mixture], answer: str) -> Sequence[float | None]:
        if self.likelihood is None or self.by == "answer":
            return [None] * len(batch)
        return self.likelihood(batch, answer)

    def _mixture(self, picture: Picture, query: Query, box: Box | None) -> Mixture:
        """The question as the model is asked it with the overview and, where there is one, a crop."""
        adapter, showing = self.vlm.adapter, self.vlm.showing
        chosen = () if box is None else (Scored(box, 1.0),)
        made_by = Maker("reader", self.identity, "reader", len(chosen), 1.0)
        selection = Selection(picture.digest, query.example.question, picture, chosen, chosen, made_by)
        count = partial(adapter.visual_tokens, tiling=False)
        terms = plan(picture.size, selection.boxes, style=adapter.style, showing=showing, count=count)
        if len(terms.crops) < len(chosen):
            budget = f"max_visual_tokens {showing.max_visual_tokens}"
            raise InputError(f"a reader needs room for a crop beside the overview, got {budget}")
        return fuse(selection, terms, wording=showing.wording)


def reward(alone: Seen, aided: Seen) -> float:
    """What a crop is worth, 0 to 1, from a look without it and one with it; 0.5 and more is a positive.

    0 where it made a right answer wrong. Else `raised`, by the gain in log-odds of the answer's tokens: 0.5 where that
    is CLEAR, 0.12 where there is none. Without likelihoods: `KEPT` where the answer was right all along, 0 where it
    stayed wrong. A crop that turned the answer right has the middle between that and 1, and 1 itself without
    likelihoods. Odds and not likelihoods: what makes a model sure of what it held for likely is worth something too.

    >>> reward(Seen(False), Seen(True)), reward(Seen(True), Seen(False))
    (1.0, 0.0)
    >>> round(reward(Seen(None, math.log(0.5)), Seen(None, math.log(0.9))), 2)
    0.92
    """
    if alone.right and not aided.right:
        return 0.0
    turned = bool(aided.right) and not alone.right
    if alone.likelihood is None or aided.likelihood is None:
        return 1.0 if turned else KEPT if aided.right else 0.0
    raised = _logistic((_log_odds(aided.likelihood) - _log_odds(alone.likelihood) - CLEAR) / SOFTNESS)
    return (1 + raised) / 2 if turned else raised


def load(model: str, *, reward: By = "both", fusion: Fusion | None = None) -> VlmReader:
    """The reader that asks a model in memory, by folder or hub id; `reward` is what it judges by.

    Crops are shown by `fusion`, as suits the model by default; what helps shown in one way need not help in another.
    Raises: MissingExtra without the extra `torch`; ModelError where it cannot be loaded.
    """
    return in_memory(load_vlm(model).using(showing=Showing(fusion=fusion)), by=reward)


def in_memory(vlm: VLM, *, by: By = "both") -> VlmReader:
    """The reader that asks a VLM that `semclip.load` or `semclip.wrap` made.

    Raises: InputError for one behind a server.
    """
    from semclip.adapters.chat import ChatAdapter
    from semclip.adapters.chat.forcing import as_written, log_likelihoods
    from semclip.relevance.vlm.reading import fingerprint

    adapter = vlm.adapter
    if not isinstance(adapter, ChatAdapter):
        raise InputError(f"likelihoods need a model in memory, got {adapter.name}, which is behind a server")

    identity, likelihood = fingerprint(adapter, {"reader": "vlm"}), partial(log_likelihoods, adapter)
    return VlmReader(vlm, identity, likelihood, by, spell=partial(as_written, adapter))


def connect(
    address: str, *, reward: By = "answer", fusion: Fusion | None = None, options: ServerOptions | None = None
) -> VlmReader:
    """The reader that asks a model behind an OpenAI-compatible server; `address` is URL#MODEL, `fusion` as in `load`.

    Raises: MissingExtra without the extra `openai`; InputError where `address` is none, or for any other `reward`.
    """
    base_url, _, model = address.partition("#")
    if not (base_url and model):
        raise InputError(f"a server needs an address URL#MODEL, got {address!r}")
    vlm = connect_vlm(base_url, model=model, options=options).using(showing=Showing(fusion=fusion))
    return VlmReader(vlm, identity=address, by=reward)


def _usual(answers: Sequence[str]) -> str:
    """The answer that is there most often, the first of those."""
    return Counter(answer for answer in answers if answer.strip()).most_common(1)[0][0]


def _log_odds(likelihood: float) -> float:
    """Of a probability, from its log."""
    likelihood = min(likelihood, SUREST)
    return likelihood - math.log(-math.expm1(likelihood))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
