"""The plugin for VLMEvalKit: `register` gives a model with a magnifying glass a name that its run.py knows.

Read against VLMEvalKit as ms-vlmeval 0.0.20 packs it, and its repository. Knows its messages; what a model is shown and
how it answers is asking.py's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from semclip.errors import InputError
from semclip.harness.asking import MissingHarness, Part, Setup, complete

try:
    from vlmeval.vlm.base import BaseModel
except ModuleNotFoundError as missing:
    raise MissingHarness(missing.name or "vlmeval", install="pip install ms-vlmeval") from missing


class SemClipModel(BaseModel):  # type: ignore[misc]  # VLMEvalKit is not typed
    """A frozen model with a magnifying glass; `options` are the fields of asking.Setup.

    Prompts are those of the benchmark (`use_custom_prompt` is False), asked one at a time; decoding is greedy.
    """

    INTERLEAVE = True
    allowed_types = ("text", "image")

    def __init__(self, *, use_vllm: bool = False, **options: Any) -> None:
        super().__init__()
        # VLMEvalKit says use_vllm, true or false, to every model with a certain name.
        if use_vllm:
            raise InputError("semclip asks vLLM through its server: give base_url instead of --use-vllm")
        self.setup = Setup.of(options)
        self.vlm = self.setup.open()

    def generate_inner(self, message: Sequence[Mapping[str, str]], dataset: str | None = None) -> str:
        """The answer to texts and pictures, {"type": "text" | "image", "value": the text, or the picture's file}."""
        (completion,) = complete(self.vlm, [[_part(one) for one in message]], self.vlm.decoding)
        return completion.text


def register(name: str, **options: Any) -> None:
    """Makes `name` a model of VLMEvalKit; the model is opened when it is first asked.

    Raises: InputError at once for options that name none.
    """
    from vlmeval.config import supported_VLM

    Setup.of(options)
    supported_VLM[name] = partial(SemClipModel, **options)


def _part(one: Mapping[str, str]) -> Part:
    if one["type"] not in SemClipModel.allowed_types:
        raise InputError(f"semclip reads texts and pictures, got {one['type']}")
    return one["value"] if one["type"] == "text" else Path(one["value"])
