"""The adapter for image-text-to-text models of transformers in memory.

Knows how to ask a model through its processor, and nothing of relevance. Weights, code, processor and generation
configuration stay the caller's: nothing is set on them. What a family needs is in families.py, how prompts become
tensors in encoding.py, how several prompts write one answer in mixing.py.
"""

from __future__ import annotations

import asyncio
import os
import textwrap
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, final

from semclip.adapters.chat import encoding
from semclip.adapters.chat.generation import StopWhen, ended, for_stop_strings, greedy, running, written
from semclip.adapters.chat.mixing import mixer
from semclip.adapters.chat.streaming import Pieces
from semclip.adapters.control import control_tokens
from semclip.adapters.families import GENERIC, Family, counter, family_of, placeholder_id
from semclip.devices import fast_dtype
from semclip.errors import InputError, MissingExtra, ModelError, loading
from semclip.geometry import Size
from semclip.selection import CountTokens
from semclip.types import Completion, Decoding, Mixture, Prompt, Style

try:
    import torch
    from torch import Tensor
    from transformers import AutoModelForImageTextToText, AutoProcessor
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "transformers", extra="torch") from missing

_HUB_OPTIONS = {"cache_dir", "local_files_only", "revision", "subfolder", "token", "trust_remote_code"}
_HALVES = {torch.float16, torch.bfloat16}
_FLAWS = ("missing_keys", "mismatched_keys", "error_msgs")

_Piece = str | BaseException | None
"""Of a stream: text, what went wrong, or its end."""


@final
@dataclass(frozen=True, eq=False)
class ChatAdapter:
    """A model in memory, asked through the chat template of its processor.

    All mixtures that `complete` is given are run at once; a family that is not known is asked one mixture at a time,
    because how its inputs are batched is not known either. A Decoding says alone how tokens are chosen; all else in the
    model's own generation configuration holds, beams excepted.
    """

    model: Any = field(repr=False)
    processor: Any = field(repr=False)
    name: str
    family: Family
    # One generation at a time: models keep notes on the prompt at hand as attributes, and memory suffices for one.
    turn: Lock = field(default_factory=Lock, repr=False)

    @property
    def style(self) -> Style:
        return self.family.style

    @cached_property
    def controls(self) -> frozenset[str]:
        """The strings that the processor reads as something else than text."""
        return control_tokens(self.processor)

    def visual_tokens(self, sizes: Sequence[Size], /, *, tiling: bool) -> int | None:
        return None if placeholder_id(self.processor) is None else self._counters[tiling](sizes)

    def encode(self, prompts: Sequence[Prompt]) -> Any:
        """One BatchFeature on the model's device, padded at the left; each prompt as the processor encodes it alone.

        Control tokens in texts are neutralised.

        Raises: InputError where the processor refuses a prompt.
        """
        return self._placed(self._encode(prompts))

    def complete(self, mixtures: Sequence[Mixture], decoding: Decoding, /) -> tuple[Completion, ...]:
        if self.family is GENERIC:
            return tuple(self._complete([mixture], decoding)[0] for mixture in mixtures)
        return tuple(self._complete(mixtures, decoding)) if mixtures else ()

    async def complete_async(self, mixture: Mixture, decoding: Decoding, /) -> Completion:
        """As the protocol says. Cancelling it ends the generation after the token at hand."""
        cancelled = Event()
        try:
            return (await asyncio.to_thread(self._complete, [mixture], decoding, StopWhen(cancelled)))[0]
        finally:
            cancelled.set()

    def stream(self, mixture: Mixture, decoding: Decoding, /) -> Generator[str, None, None]:
        """As the protocol says. Closing it ends the generation after the token at hand."""
        pieces: SimpleQueue[_Piece] = SimpleQueue()
        thread, closed = self._start(mixture, decoding, pieces.put)
        try:
            while (piece := pieces.get()) is not None:
                yield _text(piece)
        finally:
            closed.set()
            thread.join()

    async def stream_async(self, mixture: Mixture, decoding: Decoding, /) -> AsyncGenerator[str, None]:
        """As `stream`."""
        pieces: asyncio.Queue[_Piece] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def sink(piece: _Piece) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        thread, closed = self._start(mixture, decoding, sink)
        try:
            while (piece := await pieces.get()) is not None:
                yield _text(piece)
        finally:
            # At once: a thread to wait in may be long in coming.
            closed.set()
            await asyncio.to_thread(thread.join)

    @cached_property
    def _counters(self) -> dict[bool, CountTokens]:
        return {tiling: counter(self.processor, self.family, tiling=tiling) for tiling in (False, True)}

    def _start(self, mixture: Mixture, decoding: Decoding, sink: Callable[[_Piece], object]) -> tuple[Thread, Event]:
        """The thread of a generation that from now on writes to `sink`, and the event that ends it."""
        closed = Event()
        thread = Thread(target=self._write, args=(mixture, decoding, sink, StopWhen(closed)))
        thread.start()
        return thread, closed

    def _write(self, mixture: Mixture, decoding: Decoding, sink: Callable[[_Piece], object], stop: StopWhen) -> None:
        pieces = Pieces(partial(self.processor.decode, skip_special_tokens=True), sink)
        try:
            self._generate([mixture], decoding, stop, streamer=pieces)
        # Whatever it is, it belongs to the one who reads the stream.
        except BaseException as error:
            sink(error)
        else:
            sink(None)

    def _complete(self, mixtures: Sequence[Mixture], decoding: Decoding, *stops: StopWhen) -> list[Completion]:
        inputs, answers_NT = self._generate(mixtures, decoding, *stops)
        sizes = [len(mixture.prompts) for mixture in mixtures]
        config = self._config(decoding)
        # All rows of a mixture wrote the same.
        answers = [ended(rows[0].tolist(), config) for rows in torch.split(answers_NT, sizes)]
        texts = self.processor.batch_decode(answers, skip_special_tokens=True)
        read = (torch.split(inputs[key], sizes) for key in ("input_ids", "attention_mask"))
        return [
            Completion(text, self._placeholders(ids), int(mask.sum()), len(answer))
            for text, answer, ids, mask in zip(texts, answers, *read, strict=True)
        ]

    def _generate(
        self, mixtures: Sequence[Mixture], decoding: Decoding, *stops: StopWhen, streamer: Pieces | None = None
    ) -> tuple[Any, Tensor]:
        """The inputs, a row a prompt, and the token ids that each row wrote."""
        self._require_ready(mixtures)
        inputs = self._encode([prompt for mixture in mixtures for prompt in mixture.prompts])
        ids = inputs["input_ids"]
        with running(self.name, prompts=len(ids), visual_tokens=self._placeholders(ids)), self.turn:
            mixing = mixer([mixture.weights for mixture in mixtures], decoding)
            sequences = self.model.generate(
                **self._placed(inputs),
                generation_config=self._config(decoding),
                logits_processor=[] if mixing is None else [mixing],
                stopping_criteria=list(stops),
                streamer=streamer,
                **for_stop_strings(self.model.generation_config, self.processor.tokenizer),
            )
        return inputs, written(sequences, ids, is_encoder_decoder=self.model.config.is_encoder_decoder)

    def _config(self, decoding: Decoding) -> Any:
        return greedy(self.model.generation_config, decoding.max_tokens, self.processor.tokenizer.pad_token_id)

    def _encode(self, prompts: Sequence[Prompt]) -> Any:
        # What pads is masked: any id will do where the tokenizer has none for it.
        return encoding.encode(
            prompts,
            self.processor,
            untiled=self.family.untiled,
            controls=self.controls,
            pad_token_id=self.processor.tokenizer.pad_token_id or 0,
        )

    def _placed(self, inputs: Any) -> Any:
        # Weights kept elsewhere until needed are on no device; accelerate moves the inputs.
        device = "cpu" if self.model.device.type == "meta" else self.model.device
        return inputs.to(device, self.model.dtype)

    def _placeholders(self, ids: Tensor) -> int | None:
        token_id = placeholder_id(self.processor)
        return None if token_id is None else int((ids == token_id).sum())

    def _require_ready(self, mixtures: Sequence[Mixture]) -> None:
        if self.model.training:
            raise InputError(f"{self.name} needs to be in evaluation mode, got training mode; call model.eval()")
        if self.model.config.is_encoder_decoder and any(len(mixture.prompts) > 1 for mixture in mixtures):
            raise InputError(f"{self.name}, an encoder-decoder, takes one prompt a question; use append or montage")


def wrap_chat(model: Any, processor: Any) -> ChatAdapter:
    """The adapter of a model and its processor, which stay as they are.

    Raises: InputError where the model cannot generate, or the processor cannot read pictures in a chat.
    """
    if not callable(getattr(model, "generate", None)):
        raise InputError(f"a model that generates text is needed, got {type(model).__name__}")
    encoding.require_pictures(processor)
    name = getattr(model, "name_or_path", "") or model.config.model_type
    family = family_of(model.config.model_type)
    # Pixtral, too, calls itself llava, and squeezes no picture to a square.
    if family.style.fixed and family.count(processor, False) is None:
        family = GENERIC
    return ChatAdapter(model, processor, name, family)


def load_chat(id_or_dir: str | os.PathLike[str], **options: Any) -> ChatAdapter:
    """The adapter of a hub id or a local folder; `options` are those of `from_pretrained`: `device_map`, `dtype` ...

    Without a `dtype` weights keep the one in which they are stored, but on a CPU that would be slow in it: there they
    are float32. Remote code runs only where `trust_remote_code` says so.

    Raises: ModelError where the model cannot be loaded, or lacks some of its weights; InputError as `wrap_chat` does.
    """
    name = os.fspath(id_or_dir)
    shared = {key: value for key, value in options.items() if key in _HUB_OPTIONS}
    with loading(name, check="name, folder, options and network"):
        processor = AutoProcessor.from_pretrained(name, **shared)
        model, report = AutoModelForImageTextToText.from_pretrained(
            name, output_loading_info=True, **{"dtype": "auto", "use_safetensors": True, **options}
        )
    flaws = [f"{flaw}: {', '.join(sorted(map(str, report[flaw])))}" for flaw in _FLAWS if report.get(flaw)]
    if flaws:
        raise ModelError(f"{name} needs all of its weights, got {textwrap.shorten('; '.join(flaws), 300)}")
    if "dtype" not in options and _slow(model):
        model = model.float()
    return wrap_chat(model.eval(), processor)


def _slow(model: Any) -> bool:
    """Whether all of it is on a CPU that does not multiply its 16-bit floats in hardware."""
    places = {weight.device.type for weight in model.parameters()}
    slow = _HALVES - {fast_dtype(torch.device("cpu"))}
    return places == {"cpu"} and model.dtype in slow and not getattr(model, "is_quantized", False)


def _text(event: str | BaseException) -> str:
    if isinstance(event, BaseException):
        raise event
    return event
