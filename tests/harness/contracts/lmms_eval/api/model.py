"""What semclip relies on of lmms_eval.api.model, as read in lmms-eval 0.7.3."""

from __future__ import annotations

import abc
from typing import Any


class lmms(abc.ABC):
    """The evaluator fills `task_dict` with task -> split -> documents, then passes lists of Instances."""

    is_simple: bool = True

    def __init__(self) -> None:
        self._rank = 0
        self._world_size = 1
        self.task_dict: dict[str, Any] = {}

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: dict[str, Any] | None = None) -> Any:
        """`--model_args a=1,b=x` and the command line's batch_size, max_batch_size and device where they are given."""
        pairs = (pair.split("=", 1) for pair in arg_string.split(",") if pair)
        given = {name: int(value) if value.isnumeric() else value for name, value in pairs}
        return cls(**given, **{name: value for name, value in (additional_config or {}).items() if value is not None})

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def world_size(self) -> int:
        return self._world_size

    @abc.abstractmethod
    def loglikelihood(self, requests: Any) -> Any: ...

    @abc.abstractmethod
    def generate_until(self, requests: Any) -> Any: ...

    @abc.abstractmethod
    def generate_until_multi_round(self, requests: Any) -> Any: ...
