from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.control import KNOWN_CONTROL_TOKENS
from semclip.adapters.server.errors import Source
from semclip.adapters.server.format import EventReader, read_answer, request
from semclip.errors import MalformedAnswer
from semclip.types import Decoding, Prompt
from tests.adapters.asking import picture
from tests.adapters.loopback import completion, event

SOURCE = Source("http://127.0.0.1:8000/v1, model m")


def text_sent(question: str) -> str:
    body = request("m", Prompt((picture(0), question)), Decoding(), picture_format="jpeg")
    sent: str = body["messages"][0]["content"][-1]["text"]
    return sent


def test_a_request_says_what_is_needed_and_no_more() -> None:
    body = request("m", Prompt((picture(0), "Why?")), Decoding(max_tokens=7), picture_format="png")
    messages = body.pop("messages")
    assert body == {"model": "m", "max_tokens": 7, "temperature": 0.0}
    assert [part["type"] for part in messages[0]["content"]] == ["image_url", "text"]


def test_a_request_says_how_to_sample() -> None:
    decoding = Decoding(temperature=0.7, top_p=0.9, seed=5)
    body = request("m", Prompt((picture(0), "Why?")), decoding, picture_format="jpeg")
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.7, 0.9, 5)


@given(st.text(alphabet=st.characters(exclude_characters="<["), max_size=60))
def test_a_question_without_control_tokens_is_sent_as_it_is(question: str) -> None:
    assert text_sent(question) == question


@pytest.mark.parametrize("token", KNOWN_CONTROL_TOKENS)
def test_no_control_token_of_a_question_is_sent(token: str) -> None:
    assert token not in text_sent(f"Is {token} a token?")


def test_an_answer_is_read_with_its_usage() -> None:
    usage = {"prompt_tokens": 700, "completion_tokens": 2, "total_tokens": 702}
    read = read_answer(completion("Bus 42", usage=usage).body, source=SOURCE)
    assert (read.text, read.prompt_tokens, read.completion_tokens) == ("Bus 42", 700, 2)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": "7"}, 7])
def test_usage_that_is_not_told_is_not_made_up(usage: Any) -> None:
    read = read_answer(completion("42", usage=usage).body, source=SOURCE)
    assert (read.text, read.prompt_tokens, read.completion_tokens) == ("42", None, None)


def test_an_empty_answer_is_an_answer() -> None:
    assert read_answer(completion("").body, source=SOURCE).text == ""


def test_an_answer_may_come_in_parts() -> None:
    parts = [{"type": "thinking", "thinking": "?"}, {"type": "text", "text": "Bus "}, {"type": "text", "text": "42"}]
    assert read_answer(completion(parts).body, source=SOURCE).text == "Bus 42"
    reader = EventReader(source=SOURCE)
    assert reader.feed(event(parts) + event(None, "stop")) == "Bus 42"


def test_whitespace_that_keeps_a_connection_alive_is_no_part_of_an_answer() -> None:
    assert read_answer(b"\n\n  \n" + completion("42").body, source=SOURCE).text == "42"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "JSON, sent nothing"),
        (b"\xff\xfe\x00garbage", "JSON"),
        (b"<html>It works!</html>", "JSON, sent <html>It works!</html>"),
        (completion("42").body[:-5], "JSON"),
        (b"[]", r"a chat completion, sent \[\]"),
        (b"[" * 100_000, r"JSON, sent \[\[\["),
        (b"null", "a chat completion, sent null"),
        (b'{"choices": []}', "a chat completion"),
        (b'{"error": {"message": "overloaded"}}', "a chat completion, sent .*overloaded"),
        (b'{"choices": [{"text": "a completion of the older kind"}]}', "a chat completion"),
        (completion(None).body, r"text, sent none \(finish_reason stop\)"),
        (completion([]).body, "text, sent none"),
        (completion([{"type": "thinking"}]).body, "text, sent none"),
        (completion([{"type": "text"}]).body, "a chat completion"),
        (completion([42]).body, "a chat completion"),
    ],
)
def test_anything_else_is_malformed(data: bytes, said: str) -> None:
    with pytest.raises(MalformedAnswer, match=f"^{SOURCE} needed to send {said}"):
        read_answer(data, source=SOURCE)


@pytest.mark.parametrize(
    "data",
    [
        b"<html>Bearer sk-12</html>",
        b'{"error": "no sk-12"}',
        b'{"choices": [{"message": {"content": null}, "finish_reason": "sk-12"}]}',
    ],
)
def test_an_answer_that_is_none_tells_no_secret(data: bytes) -> None:
    with pytest.raises(MalformedAnswer, match=r"\*\*\*") as raised:
        read_answer(data, source=Source("a server", secret="sk-12"))
    assert "sk-12" not in str(raised.value)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["choices", "message", "content", "delta", "error", "usage"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    for read in (
        lambda: read_answer(data, source=SOURCE),
        lambda: EventReader(source=SOURCE).feed(b"data: " + data + b"\n"),
    ):
        try:
            read()
        except MalformedAnswer as error:
            assert str(error).isprintable()  # noqa: PT017


TEXTS = st.lists(st.text(max_size=8), max_size=5)


@given(
    texts=TEXTS,
    cuts=st.lists(st.integers(0, 2000), max_size=8),
    crlf=st.booleans(),
    end=st.sampled_from([event(None, "stop"), b"data: [DONE]\n\n"]),
)
def test_a_stream_is_read_alike_wherever_its_bytes_are_cut(
    texts: list[str], cuts: list[int], crlf: bool, end: bytes
) -> None:
    sent = b": a comment\n\nevent: message\n" + b"".join(map(event, texts)) + end
    if crlf:
        sent = sent.replace(b"\n", b"\r\n")
    edges = sorted({0, *(min(cut, len(sent)) for cut in cuts), len(sent)})
    reader = EventReader(source=SOURCE)
    read = [reader.feed(sent[start:stop]) for start, stop in pairwise(edges)]
    assert reader.ended
    assert "".join([*read, reader.finish()]) == "".join(texts)


def test_the_last_event_may_hold_text_and_want_a_line_end() -> None:
    reader = EventReader(source=SOURCE)
    assert reader.feed(event("4") + event("2", "length").rstrip()) == "4"
    assert not reader.ended
    assert reader.finish() == "2"


def test_events_without_text_are_passed_over() -> None:
    reader = EventReader(source=SOURCE)
    role = b'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": null}}]}\n'
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 7}}\n'
    assert reader.feed(usage + role + b"\n" + event("42") + usage) == "42"
    assert not reader.ended
    assert reader.feed(b'data: {"choices": [{"finish_reason": "stop"}]}\n') == ""
    assert reader.ended


@pytest.mark.parametrize("sent", [b"", event("4"), b": a comment\nevent: message\nid: 7\nretry: 9\n" + event("4")])
def test_a_stream_without_an_end_broke_off(sent: bytes) -> None:
    reader = EventReader(source=SOURCE)
    reader.feed(sent)
    with pytest.raises(MalformedAnswer, match="needed to send the end of its answer, broke off before it"):
        reader.finish()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (event("4")[:-20], 'JSON, sent {"choices'),
        (b"<html>\n<b>It works!</b>\n", "events, sent <html> <b>It works!</b>"),
        (completion("42").body, 'events, sent {"object": "chat.completion", .*'),
        (b'{"error": {"message": "sk-12"}}', r'events, sent {"error": {"message": "\*\*\*"}}'),
        (b"x\n" * 9999, r"events, sent x x .*\.\.\."),
    ],
)
def test_what_is_no_stream_is_shown(sent: bytes, said: str) -> None:
    reader = EventReader(source=Source("a server", secret="sk-12"))
    assert reader.feed(sent) == ""
    with pytest.raises(MalformedAnswer, match=f"^a server needed to send {said}"):
        reader.finish()


@pytest.mark.parametrize(
    "sent",
    [
        b'data: {"error": {"message": "CUDA out of memory"}}\n',
        b'data: {"error": "broken "quotes""}\n',
        b"data: 42\n",
        b"data: {}\n",
        b'data: {"choices": [null]}\n',
        b'data: {"choices": [7]}\n',
        b'data: {"choices": [{"delta": {"content": 42}}]}\n',
        b'data: {"choices": {"delta": 1}}\n',
    ],
)
def test_an_event_that_is_no_piece_of_an_answer_is_malformed(sent: bytes) -> None:
    with pytest.raises(MalformedAnswer, match=r"needed to send (a piece of an answer|JSON), sent "):
        EventReader(source=SOURCE).feed(event("4") + sent)
