"""What the plugins share: the model that a harness's options name, and its answers to the prompts of a harness.

Knows no harness. A prompt with one picture gets close-ups. One with none or several goes to the model as it is: there
is no telling which of several pictures a question is about.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, final

from PIL.Image import Image as PILImage

from semclip import images
from semclip.adapters.fusion import Showing
from semclip.errors import InputError, MissingExtra, TooManyPictures
from semclip.harness.questions import bare_question
from semclip.protocols import Relevance
from semclip.relevance.table import load_relevance
from semclip.selection import Choice, Gate
from semclip.types import Completion, Decoding, Fusion, Mixture, Prompt
from semclip.vlm import VLM, Answer, connect, load

Part = str | Path | PILImage
"""Of a prompt: a text, or a picture as its file or its pixels."""
Parts = Sequence[Part]


@final
class MissingHarness(MissingExtra):
    """A harness that is not installed, or lacks something; no extra brings it, for its pins would bind all others."""

    def __init__(self, package: str, *, install: str) -> None:
        ImportError.__init__(self, f"{package} is not installed; run: {install}")


@dataclass(frozen=True, slots=True)
class Setup:
    """Which model is asked and how crops are chosen and shown, in the plain values that harnesses pass.

    `model`: a hub id or a folder; with `base_url` the server's name for it. `device` and `dtype` are for a model in
    memory and auto by default, `family` and `timeout_s` for a server. `k` = 0 is the model alone, `min_gain` is
    `Choice`'s. `gate`: a file of `semclip calibrate`. `max_tokens`: of an answer, where the harness does not say.
    `batch_size`: questions at a time.
    """

    model: str
    base_url: str | None = None
    family: str | None = None
    timeout_s: float | None = None
    device: str | None = None
    dtype: str | None = None
    psi: str = "embedded"
    k: int = 2
    min_gain: float = 0.0
    fusion: Fusion | None = None
    max_visual_tokens: int | None = None
    gate: str | None = None
    max_tokens: int = 1024
    batch_size: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise InputError(f"batch_size needs to be a whole number of at least 1, got {self.batch_size!r}")
        foreign = ("device", "dtype") if self.base_url else ("family", "timeout_s")
        given = [name for name in foreign if getattr(self, name) is not None]
        if given:
            kind = "in memory" if self.base_url else "behind a server"
            raise InputError(f"{' and '.join(given)} can only be given for a model {kind}")

    @staticmethod
    def of(options: Mapping[str, Any]) -> Setup:
        """The setup that `options` name; InputError for an unknown one, or without a model."""
        known = [field.name for field in fields(Setup)]
        unknown = sorted(options.keys() - known)
        if unknown or "model" not in options:
            raise InputError(
                f"model is needed, and {', '.join(known[1:])} can be given; got {', '.join(options) or 'none'}"
            )
        return Setup(**options)

    def open(self) -> VLM:
        """The model, ready to be asked. What is quick to read, and may be wrong, is read before it is loaded."""
        gate = None if self.gate is None else Gate.read(self.gate)
        showing = Showing(fusion=self.fusion, max_visual_tokens=self.max_visual_tokens)
        choice, decoding = Choice(k=self.k, min_gain=self.min_gain, gate=gate), Decoding(self.max_tokens)
        psi: str | Relevance = self.psi if self.psi.startswith("vlm:") else load_relevance(self.psi)
        return replace(self._model().using(psi=psi, choice=choice, showing=showing), decoding=decoding)

    def _model(self) -> VLM:
        if self.base_url is None:
            computes_in = {} if self.dtype is None else {"dtype": self.dtype}
            return load(self.model, device_map=self.device or "auto", **computes_in)
        from semclip.adapters.server import ServerOptions

        options = ServerOptions(family=self.family, concurrency=self.batch_size)
        if self.timeout_s is not None:
            options = replace(options, timeout_s=self.timeout_s)
        return connect(self.base_url, model=self.model, options=options)


def complete(vlm: VLM, prompts: Sequence[Parts], decoding: Decoding) -> list[Completion]:
    """One completion for each prompt, in order, all asked at once.

    Of a prompt with one picture, that picture and its close-ups come first and then its texts, a line each. Raises as
    `VLM.answer` does, and TooManyPictures where a server admits fewer pictures than a prompt has.
    """
    vlm = replace(vlm, decoding=decoding)
    single = [n for n, parts in enumerate(prompts) if len(_pictures(parts)) == 1]
    other = [n for n in range(len(prompts)) if n not in single]
    made = dict(zip(single, _magnified(vlm, [prompts[n] for n in single]), strict=True))
    made |= dict(zip(other, _unaided(vlm, [prompts[n] for n in other]), strict=True))
    return [made[n] for n in range(len(prompts))]


def batches(keys: Sequence[Hashable], size: int) -> Iterator[list[int]]:
    """The places of equal keys, at most `size` at a time, in order.

    >>> list(batches(["a", "b", "a", "a"], 2))
    [[0, 2], [3], [1]]
    """
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    for alike in places.values():
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def cut(text: str, ends: Sequence[str]) -> str:
    r"""`text` up to the first of the strings `ends` that it holds.

    >>> cut("a bus\nor a car", ["car", "\n"])
    'a bus'
    """
    return text[: min((text.index(end) for end in ends if end and end in text), default=len(text))]


def _pictures(parts: Parts) -> list[Path | PILImage]:
    return [part for part in parts if not isinstance(part, str)]


def _magnified(vlm: VLM, prompts: Sequence[Parts]) -> list[Completion]:
    texts = ["\n".join(part for part in parts if isinstance(part, str)) for parts in prompts]
    pictures = [picture for parts in prompts for picture in _pictures(parts)]
    selections = [
        vlm.semclip.select(picture, bare_question(text)) for picture, text in zip(pictures, texts, strict=True)
    ]
    return [_completion(answer) for answer in vlm.answer(selections, texts)]


def _completion(answer: Answer) -> Completion:
    usage = answer.usage
    return Completion(answer.text, usage.visual_tokens, usage.prompt_tokens, usage.completion_tokens)


def _unaided(vlm: VLM, prompts: Sequence[Parts]) -> list[Completion]:
    mixtures = [Mixture((Prompt(tuple(_upright(part, vlm) for part in parts)),)) for parts in prompts]
    completions = []
    for completion in vlm.adapter.complete(mixtures, vlm.decoding) if mixtures else ():
        if isinstance(completion, TooManyPictures):
            raise completion
        completions.append(completion)
    return completions


def _upright(part: Part, vlm: VLM) -> str | PILImage:
    """A text as it is; a picture as the image loader reads it."""
    return part if isinstance(part, str) else images.load(part, vlm.semclip.limits).to_pil()
