"""Models behind OpenAI-compatible servers."""

from semclip.adapters.server.adapter import ServerAdapter, ServerOptions, connect_server

__all__ = ["ServerAdapter", "ServerOptions", "connect_server"]
