"""What semclip relies on of lmms_eval.api.instance, as read in lmms-eval 0.7.3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class TokenCounts:
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass
class GenerationResult:
    text: str
    token_counts: TokenCounts | None = None


@dataclass
class Instance:
    """`arguments` of a chat request: ctx, doc_to_messages, gen_kwargs, doc_id, task, split."""

    request_type: str
    arguments: tuple[Any, ...]
    idx: int
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def args(self) -> tuple[Any, ...]:
        return self.arguments
