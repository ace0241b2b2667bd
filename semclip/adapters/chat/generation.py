"""How a model of transformers is made to write: its generation settings, what of its output is new, and its failures.

Knows `generate` and no prompts. Nothing is set on the model or its own generation configuration.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, final

from semclip.errors import MissingExtra, ModelError, OutOfMemory, reason

try:
    import torch
    from torch import Tensor
    from transformers import GenerationConfig
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "transformers", extra="torch") from missing


def greedy(own: GenerationConfig, max_tokens: int, pad_token_id: int | None) -> GenerationConfig:
    """A copy of a model's own configuration that takes the likeliest token at every step.

    Sampling is greedy too: the Mixer adds the noise. All that acts before the choice holds, such as a repetition
    penalty. `pad_token_id` is used where the model names none, and an end mark where that is None too.
    """
    config = copy.deepcopy(own)
    # `generate` takes None for "as the model's own": what is switched off needs the value that does nothing.
    config.update(
        max_new_tokens=max_tokens,
        do_sample=False,
        num_beams=1,
        num_return_sequences=1,
        return_dict_in_generate=False,
        temperature=1.0,
        top_p=1.0,
        top_k=50,
    )
    if config.pad_token_id is None:
        config.pad_token_id = next(iter(end_marks(config)), None) if pad_token_id is None else pad_token_id
    return config


def for_stop_strings(own: GenerationConfig, tokenizer: Any) -> dict[str, Any]:
    """What `generate` needs to be given where a model's own configuration ends answers at certain strings."""
    return {} if own.stop_strings is None else {"tokenizer": tokenizer}


def written(sequences: Tensor, prompts: Tensor, *, is_encoder_decoder: bool) -> Tensor:
    """The new token ids of each row: no prompt, which some models repeat, and no decoder's mark of the start."""
    if is_encoder_decoder:
        return sequences[:, 1:]
    repeated = prompts.shape[1]
    return sequences[:, repeated:] if torch.equal(sequences[:, :repeated], prompts) else sequences


def ended(answer: Sequence[int], config: GenerationConfig) -> Sequence[int]:
    """The token ids up to the end mark that `config` names, it included; what follows it pads.

    Pads are all that follows a stop string, so where there are such strings an end mark that pads is not included.
    """
    marks = end_marks(config)
    end = next((n for n, token_id in enumerate(answer, start=1) if token_id in marks), len(answer))
    while config.stop_strings is not None and end and answer[end - 1] == config.pad_token_id:
        end -= 1
    return answer[:end]


def end_marks(config: GenerationConfig) -> list[int]:
    """The token ids that end an answer, of which a configuration names none, one or several."""
    marks = config.eos_token_id
    return [marks] if isinstance(marks, int) else list(marks or ())


@final
@dataclass(frozen=True, slots=True, eq=False)
class StopWhen:
    """A stopping criterion: every row ends as soon as `event` is set."""

    event: Event

    def __call__(self, input_ids: Tensor, scores: object, **_: object) -> Tensor:
        return torch.full((len(input_ids),), self.event.is_set(), device=input_ids.device)


def out_of_memory(error: Exception) -> bool:
    """Whether `error` says that memory ran out; torch has a class of its own for GPUs alone."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


@contextmanager
def running(name: str, *, prompts: int, visual_tokens: int | None) -> Iterator[None]:
    """A block in which whatever the model `name` raises becomes one line of ours."""
    try:
        yield
    # Models, those of other authors among them, share no narrower base class.
    except Exception as error:
        if out_of_memory(error):
            raise OutOfMemory(
                f"{name} ran out of memory on {prompts} prompts with {visual_tokens} visual tokens; "
                "lower max_visual_tokens, show fewer crops or lower batch_size"
            ) from error
        raise ModelError(f"{name} failed while it wrote ({reason(error)}); check model and processor") from error
