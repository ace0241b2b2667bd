"""ψ from the model as a discriminative scorer: the cosine of what it makes of a crop and of the question.

A prompt asks for a summary in one word; the last hidden state of its last token, which would say that word, stands for
the whole (E5-V; VladVA, arXiv 2412.04378, fine-tunes such a model, this one stays frozen).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from torch import nn

from semclip.errors import InputError
from semclip.geometry import Box
from semclip.relevance.vlm.reading import batches, close_up, fingerprint, finite, passes
from semclip.types import Floats, Picture, Prompt, Regions

if TYPE_CHECKING:
    from semclip.adapters.chat import ChatAdapter

OF_IMAGE = "Summarize the above image in one word:"
OF_TEXT = "Summarize the above sentence in one word:"


@final
@dataclass(frozen=True, eq=False)
class VlmEmbedding:
    """Cosine of last-token states, -1 to 1. A new image costs a pass for each box, a question one more."""

    adapter: ChatAdapter
    batch_size: int = 8
    name: str = "vlm:embedding"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size needs to be at least 1, got {self.batch_size}")

    @cached_property
    def fingerprint(self) -> str:
        """Of prompts, model name, configuration and a sample of every weight; computed once."""
        return fingerprint(self.adapter, {"psi": self.name, "prompts": (OF_IMAGE, OF_TEXT)})

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """One L2-normalised float32 row per box. Raises: InputError without boxes; ModelError where the model fails."""
        if not boxes:
            raise InputError("embed needs at least one box, got none")
        rows = [
            self._encode([Prompt((close_up(image, box, self.adapter), OF_IMAGE), tiling=False) for box in batch])
            for batch in batches(boxes, self.batch_size, self.adapter)
        ]
        cost = len(boxes) + 1
        return Regions(image.size, tuple(boxes), np.concatenate(rows), self.fingerprint, None, image, vlm_passes=cost)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) cosines. One pass. Raises: InputError for regions of another ψ; ModelError where the model fails."""
        if regions.encoder != self.fingerprint:
            raise InputError(f"psi {self.name} needs regions that it embedded itself, got those of {regions.encoder!r}")
        (text,) = self._encode([Prompt((f"{question}\n{OF_TEXT}",))])
        cosines: Floats = regions.features @ text
        return cosines

    def _encode(self, prompts: Sequence[Prompt]) -> Floats:
        with passes(self.adapter, self.name):
            inputs = self.adapter.encode(prompts)
            states_NTD = self.adapter.model.base_model(**inputs, use_cache=False).last_hidden_state
            last_ND = finite(states_NTD[:, -1].float(), self.name)
            rows: Floats = nn.functional.normalize(last_ND, dim=-1).cpu().numpy()
        return rows
