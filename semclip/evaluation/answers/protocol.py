"""On what terms a model is asked: the order of options, the wording, decoding; and all of it as data with a hash.

Knows questions and texts, and no pictures.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from semclip import __version__
from semclip.adapters.fusion import Showing
from semclip.errors import InputError
from semclip.evaluation.datasets.items import Item, MatcherName
from semclip.images import Limits
from semclip.vlm import VLM

RULE = 2
"""Version of all that decides an answer and is no option."""

Order = Literal["shuffled", "cycled", "published", "likelihood"]
"""How the options of a question are put.

`shuffled`: in an order that depends on seed and id alone. `cycled`: in every rotation, each asked, and the score is the
mean. `published`: as they come, which favours models where the right one comes first. `likelihood`: not at all; the
model's answer is the option that it finds likeliest by the mean log-probability of a token.
"""

_LIBRARIES = ("torch", "transformers")
_YES_NO = ("Yes", "No")
_TOLD = ("options", "seed", "k", "max_tokens", "bare", "split", "limit", "resamples")


@dataclass(frozen=True, slots=True)
class Templates:
    """What is sent for a {question}: to be answered with a phrase, the letter of one of the {options}, or yes or no."""

    phrase: str = "{question}\nAnswer the question using a single word or phrase."
    choice: str = "{question}\n{options}\nAnswer with the option's letter from the given choices directly."
    yes_no: str = "{question}\nAnswer the question with yes or no."


@dataclass(frozen=True, slots=True)
class AnswerConfig:
    """How questions are asked and scored.

    `k` and `showing` are those of strategies that name no other. `bare` sends the question alone: no options and no
    instruction. `matcher` is used in place of each set's own. `split` takes the questions of one split alone, and
    `limit` the first of these in each set. `seed` is for the order of options, random crops and the bootstrap.
    `batch_size` and `limits` change no answer.
    """

    options: Order = "shuffled"
    seed: int = 0
    k: int = 2
    showing: Showing = Showing()
    max_tokens: int = 32
    bare: bool = False
    templates: Templates = Templates()
    matcher: MatcherName | None = None
    split: str | None = None
    limit: int | None = None
    resamples: int = 2000
    batch_size: int = 8
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.options not in get_args(Order):
            raise InputError(f"options need to be {', '.join(get_args(Order))}, got {self.options!r}")
        if self.matcher is not None and self.matcher not in get_args(MatcherName):
            raise InputError(f"a matcher needs to be one of {', '.join(get_args(MatcherName))}, got {self.matcher!r}")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit needs to be at least 1, got {self.limit}")
        if self.resamples < 100:
            raise InputError(f"resamples needs to be at least 100 for a 95 % interval, got {self.resamples}")
        if min(self.k, self.batch_size) < 1:
            raise InputError(f"k and batch_size need to be at least 1, got {self.k} and {self.batch_size}")


@dataclass(frozen=True, slots=True)
class Asking:
    """A text to send; `order[i]` is the published place of the option shown i-th, None where none are shown."""

    text: str
    order: tuple[int, ...] | None = None


def askings(item: Item, matcher: MatcherName, config: AnswerConfig) -> tuple[Asking, ...]:
    """What is sent for a question: one text, or with cycled options one for each rotation.

    >>> item = Item("1", b"", "Who?", ("me",), options=("me", "you"), right=0)
    >>> [asking.order for asking in askings(item, "choice", AnswerConfig(options="cycled"))]
    [(0, 1), (1, 0)]
    >>> print(askings(item, "choice", AnswerConfig(options="published"))[0].text)
    Who?
    A. me
    B. you
    Answer with the option's letter from the given choices directly.
    """
    if config.bare or (config.options == "likelihood" and candidates(item, matcher)):
        return (Asking(item.question),)
    templates = config.templates
    if matcher == "choice" and item.options:
        return tuple(
            Asking(templates.choice.format(question=item.question, options=_listed(item, order)), order)
            for order in _orders(item, config)
        )
    template = templates.yes_no if matcher == "yes_no" else templates.phrase
    return (Asking(template.format(question=item.question)),)


def candidates(item: Item, matcher: MatcherName) -> tuple[str, ...]:
    """The texts one of which answers the question; none where it is free."""
    return item.options or (_YES_NO if matcher == "yes_no" else ())


def identity(vlm: VLM) -> dict[str, str]:
    """What tells a model from others: its name, and where it is in memory a hash of configuration and weights."""
    told = {"name": vlm.adapter.name}
    # Only a process that has loaded this module can hold a model in memory; importing it takes torch.
    loaded = sys.modules.get("semclip.adapters.chat.adapter")
    if loaded is not None and isinstance(vlm.adapter, loaded.ChatAdapter):
        from semclip.relevance.vlm.reading import fingerprint

        told["fingerprint"] = fingerprint(vlm.adapter, {"answers": RULE})
    return told


def describe(
    config: AnswerConfig, *, model: Mapping[str, str], sets: Sequence[Any], strategies: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that decides an answer, its score or an interval, ready for JSON."""
    kept = {name: getattr(config, name) for name in _TOLD}
    return {
        "rule": RULE,
        "model": dict(model),
        **kept,
        "showing": asdict(config.showing),
        "prompts": asdict(config.templates),
        "strategies": dict(strategies),
        "sets": list(sets),
        "versions": {"semclip": __version__, **_versions()},
    }


def digest(*parts: Any) -> str:
    """64 hex digits of anything that JSON or `str` can tell."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _versions() -> dict[str, str]:
    return {name: str(sys.modules[name].__version__) for name in _LIBRARIES if name in sys.modules}


def _orders(item: Item, config: AnswerConfig) -> list[tuple[int, ...]]:
    places = range(len(item.options))
    if config.options == "cycled":
        return [tuple(places[(start + step) % len(places)] for step in places) for start in places]
    if config.options == "shuffled":
        return [tuple(sorted(places, key=lambda place: digest("order", config.seed, item.id, place)))]
    return [tuple(places)]


def _listed(item: Item, order: Sequence[int]) -> str:
    return "\n".join(f"{chr(ord('A') + at)}. {item.options[place]}" for at, place in enumerate(order))
