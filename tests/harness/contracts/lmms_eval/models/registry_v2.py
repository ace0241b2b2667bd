"""What semclip relies on of lmms_eval.models.registry_v2, as read in lmms-eval 0.7.3.

An entry point of the group `lmms_eval.models` is a ModelManifest, several, or a function of nothing that returns them.
The class at `chat_class_path` needs to be an lmms whose `is_simple` is False.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelManifest:
    model_id: str
    simple_class_path: str | None = None
    chat_class_path: str | None = None
    aliases: tuple[str, ...] = ()
