"""What semclip relies on of vlmeval.vlm.base, as read in ms-vlmeval 0.0.20 and in VLMEvalKit's repository."""

from __future__ import annotations

from typing import Any

Message = list[dict[str, str]]
"""{"type": "text", "value": the text} or {"type": "image", "value": a file's path}, in order."""


class BaseModel:
    """run.py makes a model of `supported_VLM`, then calls `generate` for each row of a benchmark, in one thread."""

    INTERLEAVE = False
    allowed_types: Any = ("text", "image", "video")

    def __init__(self) -> None:
        self.dump_image_func: Any = None

    def use_custom_prompt(self, dataset: str) -> bool:
        """False: the benchmark builds the prompt."""
        return False

    def set_dump_image(self, dump_image_func: Any) -> None:
        self.dump_image_func = dump_image_func

    def generate(self, message: Message, dataset: str | None = None) -> str:
        for item in message:
            assert item["type"] in self.allowed_types, f"Invalid input type: {item['type']}"
        return self.generate_inner(message, dataset)

    def generate_inner(self, message: Message, dataset: str | None = None) -> str:
        raise NotImplementedError
