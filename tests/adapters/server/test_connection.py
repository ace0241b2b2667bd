"""Connections to a server on loopback that misbehaves to order: what is raised, what is sent again, what is told."""

from __future__ import annotations

import logging
import traceback
from contextlib import ExitStack

import pytest

from semclip.adapters.server import connect_server
from semclip.errors import (
    InputError,
    MalformedAnswer,
    ServerError,
    ServerRefusal,
    ServerTimeout,
    ServerUnreachable,
    TooManyPictures,
    UnknownModel,
)
from tests.adapters.asking import STREAMED, WAYS, WHOLE, Way, by_complete, by_stream, mixture
from tests.adapters.loopback import Loopback, Reply, completion, event, events, free_port, refusal, refusing, serving
from tests.adapters.server.client import GREEDY, KEY, LIMIT, answering, at, to

RENAME = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


# What goes wrong, in every way of asking

REFUSALS: dict[str, tuple[Reply, type[ServerError], str]] = {
    "rate": (refusal(429, {"error": {"message": "Rate limit reached"}}), ServerRefusal, "429: Rate limit reached; ask"),
    "come back tomorrow": (refusal(429, {"error": "busy"}, retry_after="86400"), ServerRefusal, "429: busy; ask again"),
    "come back on a day": (refusal(503, {}, retry_after="Fri, 31 Dec 1999 23:59:59 GMT"), ServerRefusal, "HTTP 503"),
    "loading": (
        refusal(503, {"error": {"message": "Loading model", "code": 503}}),
        ServerRefusal,
        "503: Loading model",
    ),
    "fault": (refusal(500, {"error": {"message": "CUDA error"}}, retry_after="0"), ServerRefusal, "500: CUDA error"),
    "gateway": (
        Reply(b"<html>Bad Gateway</html>", 502, {"Content-Type": "text/html"}),
        ServerRefusal,
        "502: <html>Bad",
    ),
    "key": (refusal(401, {"error": {"message": "Incorrect API key"}}), ServerRefusal, "401: .*; check api_key"),
    "field": (refusal(422, {"detail": [{"msg": "Extra inputs"}]}), ServerRefusal, "422: .*Extra inputs"),
    "model": (refusal(404, {"error": {"message": "The model `m` does not exist."}}), UnknownModel, "no such model"),
    "path": (refusal(404, {"detail": "Not Found"}), ServerRefusal, "404: Not Found; check base_url"),
    "pictures": (LIMIT, TooManyPictures, "at most 1 pictures a prompt, got 2; ask with k=0"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("reply", "error", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_typed_and_the_question_not_repeated(
    way: Way, reply: Reply, error: type[ServerError], said: str
) -> None:
    with serving([reply]) as log:
        with pytest.raises(ServerError, match=said) as raised:
            way(to(log), mixture(), GREEDY)
        assert type(raised.value) is error
        assert f"{log.base_url}, model m" in str(raised.value)
        assert str(raised.value).isprintable()
    assert len(log.asked) == 1


BROKEN = {
    "garbage": Reply(b"\x00\xff\x13"),
    "html": Reply(b"<html>It works!</html>", headers={"Content-Type": "text/html"}),
    "no choices": Reply(b'{"object": "chat.completion"}'),
    "an error with status 200": Reply(b'{"error": {"message": "out of memory"}}'),
    "a broken encoding": Reply(b"no gzip", headers={"Content-Encoding": "gzip"}),
    "nothing": Reply(b""),
    "cut after the head": Reply(b"", cut=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_that_is_none_is_malformed_and_not_asked_for_again(way: Way, reply: Reply) -> None:
    with serving([reply]) as log:
        with pytest.raises(MalformedAnswer, match=f"^{log.base_url}, model m "):
            way(to(log), mixture(), GREEDY)
    assert len(log.asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_is_cut_off_is_malformed_and_not_asked_for_again(way: Way) -> None:
    cut = Reply(completion("42").body, cut=True) if way in WHOLE else events(event("4"), event("2"), cut=True)
    with serving([cut]) as log, pytest.raises(MalformedAnswer, match="broke off before the end"):
        way(to(log), mixture(), GREEDY)
    assert len(log.asked) == 1


@pytest.mark.parametrize("way", STREAMED)
def test_a_stream_that_ends_without_a_mark_is_malformed(way: Way) -> None:
    with serving([events(event("4"), event("2"))]) as log, pytest.raises(MalformedAnswer, match="broke off before it"):
        way(to(log), mixture(), GREEDY)
    assert len(log.asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_silence_is_a_timeout_and_the_question_not_repeated(way: Way) -> None:
    with serving([Reply(b"{}", silence_s=60)]) as log:
        with pytest.raises(ServerTimeout, match=r"was silent for 0\.2 s and was not asked again; raise timeout_s"):
            way(to(log, timeout_s=0.2), mixture(), GREEDY)
    assert len(log.asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_no_connection_is_unreachable_after_so_many_attempts(way: Way) -> None:
    with refusing() as base_url, pytest.raises(ServerUnreachable, match=r"gave no connection \(tries: 3\): "):
        way(at(base_url, connect_retries=2), mixture(), GREEDY)


# What is sent again


class StartsAfterRefusal(logging.Handler):
    """Starts a server as soon as a connection has been refused."""

    def __init__(self, port: int, reply: Reply) -> None:
        super().__init__(logging.DEBUG)
        self.stack = ExitStack()
        self.logs: list[Loopback] = []
        self._port, self._reply = port, reply

    def emit(self, record: logging.LogRecord) -> None:
        if "connect_tcp.failed" in record.getMessage() and not self.logs:
            self.logs.append(self.stack.enter_context(serving([self._reply], port=self._port)))


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_comes_up_late_is_found(way: Way) -> None:
    port = free_port()
    watch, logger = StartsAfterRefusal(port, answering(way)), logging.getLogger("httpcore2.connection")
    logger.addHandler(watch)
    logger.setLevel(logging.DEBUG)
    try:
        with watch.stack:
            assert way(at(f"http://127.0.0.1:{port}/v1"), mixture(), GREEDY) == "42"
        assert [len(log.asked) for log in watch.logs] == [1]
    finally:
        logger.removeHandler(watch)
        logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_to_come_back_is_asked_again_then(way: Way, status: int) -> None:
    busy = refusal(status, {"error": {"message": "busy"}}, retry_after="0")
    with serving([busy, busy, answering(way)]) as log:
        assert way(to(log), mixture(), GREEDY) == "42"
    assert len(log.asked) == 3
    assert log.asked[0] == log.asked[1] == log.asked[2]


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_stays_busy_is_not_asked_for_ever(way: Way) -> None:
    with serving([refusal(429, {"error": {"message": "busy"}}, retry_after="0")]) as log:
        with pytest.raises(ServerRefusal, match="429: busy"):
            way(to(log, connect_retries=2), mixture(), GREEDY)
    assert len(log.asked) == 3


@pytest.mark.parametrize("way", WAYS)
def test_max_tokens_goes_out_under_its_newer_name_where_that_is_asked_for(way: Way) -> None:
    with serving(
        [refusal(400, {"error": {"message": RENAME, "code": "unsupported_parameter"}}), answering(way)]
    ) as log:
        assert way(to(log, connect_retries=0), mixture(), GREEDY) == "42"
    assert "max_tokens" not in log.asked[1]
    assert log.asked[1]["max_completion_tokens"] == log.asked[0]["max_tokens"] == 8


def test_max_tokens_is_renamed_once() -> None:
    with serving([refusal(400, {"error": {"message": RENAME}})]) as log:
        with pytest.raises(ServerRefusal, match="Unsupported parameter"):
            by_complete(to(log), mixture(), GREEDY)
    assert len(log.asked) == 2


# Secrets and surroundings


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "reply",
    [
        refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
        refusal(401, f"no {KEY}"),
        events(f"data: Bearer {KEY}\n\n".encode()),
        events(f'data: {{"Authorization": "Bearer {KEY}"}}\n\n'.encode()),
        Reply(b"{}", headers={f"Bearer {KEY}": ""}),
    ],
    ids=["refusal", "refusal in plain text", "no answer", "no piece of an answer", "a broken header"],
)
def test_no_key_and_no_password_is_ever_told(way: Way, reply: Reply) -> None:
    with serving([reply]) as log:
        adapter = at(log.base_url.replace("//", "//user:opensesame@") + "?token=swordfish")
        with pytest.raises(ServerError) as raised:
            way(adapter, mixture(), GREEDY)
    told = "".join([repr(adapter), str(adapter), *traceback.format_exception(raised.value)])
    assert "***" in str(raised.value)
    for secret in (KEY, "opensesame", "swordfish"):
        assert secret not in told


def test_the_key_comes_from_the_environment_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([completion()]) as log:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
        by_complete(connect_server(log.base_url, model="m"), mixture(), GREEDY)
        monkeypatch.delenv("OPENAI_API_KEY")
        by_complete(connect_server(log.base_url, model="m"), mixture(), GREEDY)
    assert log.headers[0]["authorization"] == "Bearer sk-environment"
    assert "sk-" not in log.headers[1]["authorization"]


@pytest.mark.parametrize("way", [by_complete, by_stream])
def test_no_proxy_comes_between_this_machine_and_itself(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing() as proxy, serving([answering(way)]) as log:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        assert way(to(log), mixture(), GREEDY) == "42"


@pytest.mark.parametrize(
    "base_url", ["", "localhost:8000/v1", "ftp://host/v1", "http://", "http://[::1/v1", "http://host:port/v1"]
)
def test_a_base_url_needs_to_be_one(base_url: str) -> None:
    with pytest.raises(InputError, match=r"base_url needs to look like http://127\.0\.0\.1:8000/v1, got"):
        connect_server(base_url, model="m")


@pytest.mark.parametrize("key", ["sk-secret\n", "sk secret", "sk-\u00e9"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(InputError, match="api_key needs to be printable ASCII") as raised:
        connect_server("http://127.0.0.1:1/v1", model="m", api_key=key)
    assert key not in str(raised.value)
