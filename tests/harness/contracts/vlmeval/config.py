"""What semclip relies on of vlmeval.config, as read in ms-vlmeval 0.0.20 and in VLMEvalKit's repository."""

from __future__ import annotations

from typing import Any

supported_VLM: dict[str, Any] = {}
"""Name -> what makes the model when it is called with nothing, or with `use_vllm` where the name says Qwen2.5-VL."""
