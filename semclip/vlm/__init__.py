"""A frozen vision-language model with a magnifying glass: `wrap`, `load` and `connect` make one, `VLM.ask` uses it."""

from semclip.vlm.answer import Answer, AsyncStream, Stream
from semclip.vlm.asking import VLM
from semclip.vlm.opening import connect, load, wrap

__all__ = ["VLM", "Answer", "AsyncStream", "Stream", "connect", "load", "wrap"]
