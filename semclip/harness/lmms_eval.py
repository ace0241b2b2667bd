"""The plugin for lmms-eval: `--model semclip`, found through the entry point group `lmms_eval.models`.

Read against lmms-eval 0.7.3. Knows its chat requests and how it runs several processes; what a model is shown and how
it answers is asking.py's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from semclip.errors import InputError
from semclip.harness.asking import MissingHarness, Part, Setup, batches, complete, cut
from semclip.types import Completion, Decoding

try:
    from accelerate import Accelerator
    from lmms_eval.api.instance import GenerationResult, TokenCounts
    from lmms_eval.api.model import lmms
    from lmms_eval.models.registry_v2 import ModelManifest
    from tqdm import tqdm
except ModuleNotFoundError as missing:
    raise MissingHarness(missing.name or "lmms_eval", install="pip install lmms-eval") from missing


class Terms(NamedTuple):
    """How the answers to one task are generated, and the strings that end them."""

    decoding: Decoding
    until: tuple[str, ...]


class SemClipModel(lmms):  # type: ignore[misc]  # lmms-eval is not typed
    """A frozen model with a magnifying glass, asked through chat requests.

    `options` are the fields of asking.Setup. Where lmms-eval runs several processes, each has the model on its own
    device and a part of the questions; models behind a server share the server.
    """

    is_simple = False

    def __init__(
        self,
        *,
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        device: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.accelerator = Accelerator()
        self.device = self.accelerator.device
        if self.accelerator.num_processes > 1:
            self._rank, self._world_size = self.accelerator.process_index, self.accelerator.num_processes
            device = str(self.device)
        placed = {} if options.get("base_url") else {"device": device or str(self.device)}
        self.setup = Setup.of({**options, **placed, "batch_size": _whole(batch_size)})
        self.vlm = self.setup.open()

    def generate_until(self, requests: Sequence[Any]) -> list[Any]:
        """One GenerationResult for each request, in order; those of equal terms are asked together."""
        terms = [read_terms(request.args[2], self.setup.max_tokens) for request in requests]
        results: list[Any] = [None] * len(requests)
        with tqdm(total=len(requests), disable=self.rank != 0, desc="semclip") as progress:
            for places in batches(terms, self.setup.batch_size):
                prompts = [self._parts(requests[place].args) for place in places]
                decoding, until = terms[places[0]]
                for place, completion in zip(places, complete(self.vlm, prompts, decoding), strict=True):
                    results[place] = _result(completion, until)
                progress.update(len(places))
        return results

    def generate_until_multi_round(self, requests: Sequence[Any]) -> NoReturn:
        """No answer: semclip answers single questions."""
        raise NotImplementedError("semclip answers single questions and takes no tasks of several rounds")

    def loglikelihood(self, requests: Sequence[Any]) -> NoReturn:
        """No likelihood: several pictures and mixed distributions have no single one."""
        raise NotImplementedError("semclip generates answers and gives no likelihoods; take a generate_until task")

    def _parts(self, arguments: tuple[Any, ...]) -> list[Part]:
        """What the model is to read for the six arguments of a chat request."""
        _, doc_to_messages, _, doc_id, task, split = arguments
        return read_messages(doc_to_messages(self.task_dict[task][split][doc_id]))


def manifest() -> Any:
    """What lmms-eval's registry is told: the name `semclip`, and where its class is."""
    return ModelManifest(model_id="semclip", chat_class_path=f"{__name__}.{SemClipModel.__name__}")


def read_terms(options: Mapping[str, Any], max_tokens: int) -> Terms:
    """The terms in a task's `generation_kwargs`; `max_tokens` where they have no max_new_tokens.

    Without `do_sample` a temperature alone decides, and none is greedy, as in lmms-eval's own models.
    Raises: InputError for beams, which semclip does not search.
    """
    beams, until = options.get("num_beams") or 1, options.get("until") or ()
    if beams != 1:
        raise InputError(f"semclip decodes without beams, got num_beams {beams}; pass --gen_kwargs num_beams=1")
    greedy = options.get("do_sample") is False
    decoding = Decoding(
        options.get("max_new_tokens") or max_tokens,
        temperature=0.0 if greedy else float(options.get("temperature") or 0.0),
        top_p=float(options.get("top_p") or 1.0),
    )
    return Terms(decoding, (until,) if isinstance(until, str) else tuple(until))


def read_messages(messages: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The texts and pictures of user messages, in order.

    Raises: InputError for another role, or content that is neither text nor picture.
    """
    parts: list[Part] = []
    for message in messages:
        if message["role"] != "user":
            raise InputError(
                f"semclip answers single questions and reads user messages alone, got a {message['role']} one"
            )
        content = message["content"]
        parts += [content] if isinstance(content, str) else map(_part, content)
    return parts


def _part(content: Mapping[str, Any]) -> Part:
    if content["type"] == "text":
        text: str = content["text"]
        return text
    if content["type"] != "image":
        raise InputError(f"semclip reads texts and pictures, got {content['type']}")
    picture: Any = content["url"]
    return Path(picture) if isinstance(picture, str) else picture


def _result(completion: Completion, until: Sequence[str]) -> Any:
    counts = TokenCounts(input_tokens=completion.prompt_tokens, output_tokens=completion.completion_tokens)
    return GenerationResult(text=cut(completion.text, until), token_counts=counts)


def _whole(batch_size: int | str) -> int | str:
    """lmms-eval passes what its command line was given; "auto" stays, and is refused."""
    return int(batch_size) if str(batch_size).isdecimal() else batch_size
