"""`VLM`: how selecting, showing and answering follow each other; nothing of processors, servers or pixels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from semclip.adapters.fusion import Plan, Showing, by_prompt, fuse, plain, plan
from semclip.errors import InputError, TooManyPictures
from semclip.geometry import Box, Size
from semclip.images import Image
from semclip.pipeline import SemClip
from semclip.protocols import Adapter, Relevance
from semclip.relevance.table import load_relevance
from semclip.selection import Choice, Selection
from semclip.types import Completion, Decoding, Mixture, Scored, Usage
from semclip.vlm.answer import Answer, AsyncStream, Stream

if TYPE_CHECKING:
    from semclip.images import ImageSource

ANYRES_PICTURES = 5
"""What AnyRes makes of a large picture where a model takes one size only: four tiles and the overview."""


@dataclass(frozen=True, slots=True)
class View:
    """One question, ready to be sent: the same selection may be viewed again with fewer crops.

    `text` is what the model is asked: the selection's own question, or another wording of it.
    """

    selection: Selection
    text: str
    shown: tuple[Scored, ...]
    mixture: Mixture
    usage: Usage
    notes: tuple[str, ...]

    def answer(self, completion: Completion) -> Answer:
        """What `completion` is as the answer to this view."""
        counted, sent = self.usage, completion
        usage = replace(
            counted,
            visual_tokens=counted.visual_tokens if sent.visual_tokens is None else sent.visual_tokens,
            prompt_tokens=sent.prompt_tokens,
            completion_tokens=sent.completion_tokens,
        )
        return Answer(completion.text, self.selection, self.shown, usage, self.notes)


@dataclass(frozen=True)
class VLM:
    """A frozen model behind an adapter, the SemClip that selects for it, and how crops are shown and text decoded.

    Every method that answers raises InputError for an unusable image, question or budget, ModelError where the model
    or ψ fails, and ServerError where a server does. A server that admits fewer pictures is asked once more with fewer
    crops, which the answer's notes say; nothing else is ever asked twice.
    """

    adapter: Adapter
    semclip: SemClip = field(default_factory=SemClip)
    showing: Showing = Showing()
    decoding: Decoding = Decoding()

    def using(
        self, *, psi: str | Relevance | None = None, choice: Choice | None = None, showing: Showing | None = None
    ) -> VLM:
        """The same model with another ψ, other terms of choice, or another way of showing crops.

        `psi` is an object, a name as `load_relevance` takes it, or `vlm:attention`, `vlm:likelihood` or
        `vlm:embedding`: then this model itself scores the crops, which it can only where it is in memory.
        """
        relevance = self.semclip.relevance if psi is None else self._relevance(psi)
        chosen = replace(self.semclip, relevance=relevance, choice=choice or self.semclip.choice)
        return replace(self, semclip=chosen, showing=showing or self.showing)

    def ask(
        self, image: ImageSource | Image, question: str, *, k: int | None = None, max_tokens: int | None = None
    ) -> Answer:
        """The answer to `question` with up to k close-ups; k = 0 is the model alone, asked as it always was.

        `k` and `max_tokens` are those of `semclip.choice` and `decoding` unless given.
        """
        return self.ask_many([(image, question)], k=k, max_tokens=max_tokens)[0]

    def ask_many(
        self,
        pairs: Sequence[tuple[ImageSource | Image, str]],
        *,
        k: int | None = None,
        max_tokens: int | None = None,
        batch_size: int = 8,
    ) -> tuple[Answer, ...]:
        """One answer for each (image, question), in order, `batch_size` at a time.

        They are the same as one by one, up to rounding where a model computes in 16 bits.
        """
        if batch_size < 1:
            raise InputError(f"batch_size needs to be at least 1, got {batch_size}")
        if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            raise InputError("ask_many needs pairs of an image and a question")
        decoding, answers = self._decoding(max_tokens), list[Answer]()
        for start in range(0, len(pairs), batch_size):
            views = [self._view(image, question, k) for image, question in pairs[start : start + batch_size]]
            answers += self._complete(views, decoding)
        return tuple(answers)

    def answer(
        self, selections: Sequence[Selection], prompts: Sequence[str], *, max_tokens: int | None = None
    ) -> tuple[Answer, ...]:
        """One answer for each selection that was made already, in order and as one batch.

        The model reads the text of `prompts` in place of the question that ψ read: options and instructions are not
        ψ's business. A selection made with k = 0 is shown as `ask` shows it.
        """
        if len(selections) != len(prompts):
            raise InputError(
                f"answer needs a prompt for each selection, got {len(selections)} and {len(prompts)} prompts"
            )
        views = [self.view(selection, prompt) for selection, prompt in zip(selections, prompts, strict=True)]
        return tuple(self._complete(views, self._decoding(max_tokens))) if views else ()

    def view(self, selection: Selection, prompt: str) -> View:
        """What the model is sent for `selection` and the text `prompt`, and what that costs; nothing is sent."""
        _require_encodable(prompt)
        if selection.made_by.k == 0:
            return self._plain(selection, prompt)
        return self._with_crops(selection, prompt, len(selection.chosen))

    def passes(self, crops: int) -> int:
        """How many prompts the model reads for a question that is shown with so many crops."""
        fusion = self.showing.fusion or self.adapter.style.fusion
        return len(by_prompt(fusion, range(crops + 1)))

    async def ask_async(
        self, image: ImageSource | Image, question: str, *, k: int | None = None, max_tokens: int | None = None
    ) -> Answer:
        """As `ask`; selecting runs in a thread, and so does a model in memory."""
        view, decoding = await asyncio.to_thread(self._view, image, question, k), self._decoding(max_tokens)
        try:
            return view.answer(await self.adapter.complete_async(view.mixture, decoding))
        except TooManyPictures as refusal:
            fewer = await asyncio.to_thread(self._view_fewer, view, refusal)
            return fewer.answer(await self.adapter.complete_async(fewer.mixture, decoding))

    def stream(
        self, image: ImageSource | Image, question: str, *, k: int | None = None, max_tokens: int | None = None
    ) -> Stream:
        """The answer in pieces; comes back with the first of them."""
        view, decoding = self._view(image, question, k), self._decoding(max_tokens)
        try:
            pieces = _started(self.adapter.stream(view.mixture, decoding))
        except TooManyPictures as refusal:
            view = self._view_fewer(view, refusal)
            pieces = _started(self.adapter.stream(view.mixture, decoding))
        return Stream(pieces, view.selection, view.shown, view.usage, view.notes)

    async def stream_async(
        self, image: ImageSource | Image, question: str, *, k: int | None = None, max_tokens: int | None = None
    ) -> AsyncStream:
        """As `stream`."""
        view, decoding = await asyncio.to_thread(self._view, image, question, k), self._decoding(max_tokens)
        try:
            pieces = await _started_async(self.adapter.stream_async(view.mixture, decoding))
        except TooManyPictures as refusal:
            view = await asyncio.to_thread(self._view_fewer, view, refusal)
            pieces = await _started_async(self.adapter.stream_async(view.mixture, decoding))
        return AsyncStream(pieces, view.selection, view.shown, view.usage, view.notes)

    def _relevance(self, psi: str | Relevance) -> Relevance:
        if not isinstance(psi, str):
            return psi
        head, _, kind = psi.partition(":")
        if head == "vlm" and ":" not in kind:
            from semclip.relevance.vlm import of_adapter

            return of_adapter(kind, self.adapter)
        return load_relevance(psi)

    def _decoding(self, max_tokens: int | None) -> Decoding:
        return self.decoding if max_tokens is None else replace(self.decoding, max_tokens=max_tokens)

    def _complete(self, views: Sequence[View], decoding: Decoding) -> list[Answer]:
        """The answers; what a server refused for its pictures is asked once more, together, with fewer."""
        completions = self.adapter.complete([view.mixture for view in views], decoding)
        pairs = list(zip(views, completions, strict=True))
        fewer = [self._view_fewer(view, refusal) for view, refusal in pairs if isinstance(refusal, TooManyPictures)]
        cured = iter(zip(fewer, self._complete_fewer(fewer, decoding), strict=True))
        settled = (next(cured) if isinstance(one, TooManyPictures) else (view, one) for view, one in pairs)
        return [view.answer(completion) for view, completion in settled]

    def _complete_fewer(self, views: Sequence[View], decoding: Decoding) -> list[Completion]:
        completions = []
        for completion in self.adapter.complete([view.mixture for view in views], decoding) if views else ():
            if isinstance(completion, TooManyPictures):
                raise completion
            completions.append(completion)
        return completions

    def _view(self, image: ImageSource | Image, question: str, k: int | None) -> View:
        view = self.view(self.semclip.select(image, question, k=k), question)
        # Answers to many photos must not keep the pixels of all of them; a picture decodes again when it is asked to.
        return view if isinstance(image, Image) else replace(view, selection=_undecoded(view.selection))

    def _view_fewer(self, view: View, refusal: TooManyPictures) -> View:
        """The same question with as many pictures as the server admits."""
        at_most = refusal.limit - 1
        if not 0 <= at_most < len(view.shown):
            raise refusal
        note = f"{at_most} of {len(view.selection.chosen)} crops shown: the server admits {refusal.limit} pictures"
        return replace(self._with_crops(view.selection, view.text, at_most), notes=(note,))

    def _plain(self, selection: Selection, text: str) -> View:
        mixture = plain(replace(selection, question=text), showing=self.showing, count=self._tokens_tiled)
        sent = self._tokens_tiled([_size(picture) for picture in mixture.prompts[0].pictures])
        usage = Usage(sent, sent, self._anyres_tokens(selection.picture.size, sent))
        return View(selection, text, (), mixture, usage, ())

    def _with_crops(self, selection: Selection, text: str, at_most: int) -> View:
        boxes = selection.boxes[:at_most]
        terms = self._plan(selection, boxes)
        shown = selection.chosen[: len(terms.crops)]
        notes = []
        if len(shown) < len(boxes):
            budget = self.showing.max_visual_tokens
            notes.append(f"{len(shown)} of {len(selection.chosen)} crops shown: more do not fit {budget} visual tokens")
        mixture = fuse(replace(selection, question=text), terms, wording=self.showing.wording)
        return View(selection, text, shown, mixture, self._usage(selection, terms), tuple(notes))

    def _plan(self, selection: Selection, boxes: Sequence[Box]) -> Plan:
        return plan(selection.picture.size, boxes, style=self.adapter.style, showing=self.showing, count=self._tokens)

    def _usage(self, selection: Selection, terms: Plan) -> Usage:
        # A montage shows the overview smaller than it would be alone.
        alone = terms if terms.canvas is None else self._plan(selection, ())
        overview = self._tokens([alone.overview])
        anyres = self._anyres_tokens(selection.picture.size, overview)
        return Usage(terms.visual_tokens, overview, anyres, vlm_passes=selection.made_by.vlm_passes)

    def _anyres_tokens(self, size: Size, overview_tokens: int | None) -> int | None:
        if self.adapter.style.fixed:
            return None if overview_tokens is None else ANYRES_PICTURES * overview_tokens
        try:
            return self._tokens_tiled([size])
        except InputError:  # a picture that the processor refuses has no cost
            return None

    def _tokens(self, sizes: Sequence[Size]) -> int | None:
        return self.adapter.visual_tokens(sizes, tiling=False)

    def _tokens_tiled(self, sizes: Sequence[Size]) -> int | None:
        return self.adapter.visual_tokens(sizes, tiling=True)


def _require_encodable(question: str) -> None:
    if not isinstance(question, str):
        raise InputError(f"a question to a model needs to be text, got {type(question).__name__}")
    try:
        question.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"a question to a model needs to be valid Unicode, got {question!r}: {error.reason}"
        ) from error


def _undecoded(selection: Selection) -> Selection:
    picture = selection.picture
    return replace(selection, picture=picture.undecoded()) if isinstance(picture, Image) else selection


def _size(picture: Any) -> Size:
    return Size(picture.width, picture.height)


def _started(pieces: Generator[str, None, None]) -> Generator[str, None, None]:
    """The same pieces, the first of them already made: what fails at the start fails here."""
    first = next(pieces, None)

    def both() -> Generator[str, None, None]:
        if first is not None:
            yield first
            yield from pieces

    return both()


async def _started_async(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    first = await anext(pieces, None)

    async def both() -> AsyncGenerator[str, None]:
        async with aclosing(pieces):
            if first is not None:
                yield first
                async for piece in pieces:
                    yield piece

    return both()
