"""Models of transformers in memory."""

from semclip.adapters.chat.adapter import ChatAdapter, load_chat, wrap_chat

__all__ = ["ChatAdapter", "load_chat", "wrap_chat"]
