"""A server on loopback that answers chat/completions as a test has scripted it, and keeps what it was asked."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image
from PIL.Image import Image as PILImage

Headers = dict[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer: `cut` promises more bytes than come, `silence_s` passes before the first one."""

    body: bytes
    status: int = 200
    headers: Headers = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: bool = False
    silence_s: float = 0.0


@dataclass
class Loopback:
    """What was asked, in order of arrival, and where."""

    base_url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    at_once: int = 0

    def pictures(self, number: int = 0) -> list[PILImage]:
        """The pictures of one request, decoded, in the order sent."""
        parts = [part for message in self.asked[number]["messages"] for part in message["content"]]
        return [decoded(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]


def decoded(uri: str) -> PILImage:
    head, data = uri.split(",", 1)
    picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert head == f"data:image/{(picture.format or '').lower()};base64"
    return picture.convert("RGB")


def completion(text: Any = "42", **more: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Reply(json.dumps({"object": "chat.completion", "choices": [choice], **more}).encode())


def refusal(status: int, body: Any, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps(body).encode(), status, {"Content-Type": "application/json", **named})


def event(text: Any, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish_reason}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


def events(*pieces: bytes, cut: bool = False) -> Reply:
    return Reply(b"".join(pieces), headers={"Content-Type": "text/event-stream"}, cut=cut)


@contextmanager
def refusing() -> Iterator[str]:
    """The base_url of a port that is taken and refuses connections."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def serving(script: Sequence[Reply] | Callable[[dict[str, Any]], Reply], *, port: int = 0) -> Iterator[Loopback]:
    """A running server: gives the replies of `script` in turn, the last one ever after, or calls it with the body."""
    lock, stopping = threading.Lock(), threading.Event()
    present = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal present
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(log.asked)
                log.asked.append(body)
                log.headers.append({name.lower(): value for name, value in self.headers.items()})
                log.paths.append(self.path)
                present += 1
                log.at_once = max(log.at_once, present)
            reply = script(body) if callable(script) else script[min(number, len(script) - 1)]
            stopping.wait(reply.silence_s)
            with lock:
                present -= 1
            with suppress(ConnectionError):  # the client may have had enough
                self.answer(reply)

        def answer(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + (100 if reply.cut else 0)))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = reply.cut

        def log_message(self, format: str, *args: Any) -> None:  # the base class writes to stderr
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    log = Loopback(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield log
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
