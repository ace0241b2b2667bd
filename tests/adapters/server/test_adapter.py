"""The adapter and a server on loopback: what is sent, and what comes back of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semclip.adapters.families import FAMILIES
from semclip.adapters.server import ServerOptions
from semclip.errors import InputError, ServerRefusal, TooManyPictures
from semclip.geometry import Size
from semclip.types import Completion, Mixture, Prompt, Style
from tests.adapters.asking import STREAMED, WAYS, Way, by_complete, mixture, picture
from tests.adapters.loopback import Reply, completion, event, events, refusal, serving
from tests.adapters.server.client import GREEDY, KEY, LIMIT, answering, at, to

SILENCE_S = 20.0
TEXT = "4 · 2\u2028\U0001f68c"


# What is sent


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_comes_whole_in_every_way(way: Way) -> None:
    with serving([answering(way, TEXT)]) as log:
        assert way(to(log), mixture(), GREEDY) == TEXT
    assert log.paths == ["/v1/chat/completions"]
    assert log.headers[0]["authorization"] == f"Bearer {KEY}"
    streamed = {"stream"} if way in STREAMED else set()
    assert set(log.asked[0]) == {"model", "messages", "max_tokens", "temperature"} | streamed


@pytest.mark.parametrize("way", WAYS)
def test_png_pictures_arrive_pixel_for_pixel_between_the_texts_they_belong_to(way: Way) -> None:
    pictures = [picture(0), picture(1, 31, 77), picture(2, 5, 5)]
    parts = ("The whole.", pictures[0], "A close-up.", pictures[1], pictures[2], "What number?")
    with serving([answering(way)]) as log:
        way(to(log, picture_format="png"), Mixture((Prompt(parts, tiling=False),)), GREEDY)
    arrived = log.pictures()
    assert [part.get("text", "picture") for part in log.asked[0]["messages"][0]["content"]] == [
        part if isinstance(part, str) else "picture" for part in parts
    ]
    for sent, got in zip(pictures, arrived, strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(sent))


def test_jpeg_pictures_arrive_in_order_and_almost_as_they_were() -> None:
    pictures = [picture(seed, 64, 48) for seed in range(3)]
    with serving([completion()]) as log:
        by_complete(to(log), Mixture((Prompt((*pictures, "What?")),)), GREEDY)
    assert log.asked[0]["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    for sent, got in zip(pictures, log.pictures(), strict=True):
        assert np.abs(np.asarray(got, int) - np.asarray(sent, int)).mean() < 5


def test_a_mixture_of_several_prompts_is_refused_before_anything_is_sent() -> None:
    prompt = mixture().prompts[0]
    with serving([completion()]) as log:
        for way in WAYS:
            with pytest.raises(InputError, match="ensemble and pairs need a model in memory: use append or montage"):
                way(to(log), Mixture((prompt, prompt), (0.5, 0.5)), GREEDY)
    assert log.asked == []


# What comes back


def test_usage_is_told_where_the_server_tells_it() -> None:
    with serving([completion("42", usage={"prompt_tokens": 700, "completion_tokens": 2})]) as log:
        assert to(log).complete([mixture()], GREEDY) == (Completion("42", None, 700, 2),)


def test_visual_tokens_are_counted_by_the_family_that_is_named() -> None:
    with serving([completion()]) as log:
        adapter = to(log, family="qwen2.5-vl")
        asked = Mixture((Prompt((Image.new("RGB", (280, 56)), "What?")),))
        (given,) = adapter.complete([asked], GREEDY)
        assert given == Completion("42", visual_tokens=20)
        assert adapter.visual_tokens([Size(280, 56), Size(56, 56)], tiling=False) == 24
        with pytest.raises(InputError, match="200 to 1"):
            adapter.complete([Mixture((Prompt((Image.new("RGB", (900, 3)), "What?")),))], GREEDY)
    assert len(log.asked) == 1


@pytest.mark.parametrize("family", ["llava-1.5", "qwen2.5-vl", "smolvlm", None])
def test_a_prompt_needs_no_picture(family: str | None) -> None:
    with serving([completion("42")]) as log:
        (blind,) = to(log, family=family).complete([mixture(pictures=0)], GREEDY)
    assert isinstance(blind, Completion)
    assert (blind.text, blind.visual_tokens) == ("42", None if family is None else 0)
    assert log.asked[0]["messages"][0]["content"] == [{"type": "text", "text": "What number?"}]


def test_visual_tokens_are_not_known_otherwise() -> None:
    assert at("http://127.0.0.1:1/v1").visual_tokens([Size(9, 9)], tiling=True) is None


def test_several_questions_keep_their_order_and_are_asked_at_once_but_not_all() -> None:
    both = threading.Barrier(2, timeout=20)

    def echo(body: dict[str, Any]) -> Reply:
        both.wait()
        return completion(body["messages"][0]["content"][-1]["text"])

    questions = [f"Question {number}?" for number in range(6)]
    with serving(echo) as log:
        answers = to(log, concurrency=2).complete([mixture(question) for question in questions], GREEDY)
    assert [answer.text for answer in answers if isinstance(answer, Completion)] == questions
    assert log.at_once == 2


def test_a_refusal_that_fewer_pictures_would_cure_takes_its_place_among_the_answers() -> None:
    def limited(body: dict[str, Any]) -> Reply:
        pictures = sum(part["type"] == "image_url" for part in body["messages"][0]["content"])
        return LIMIT if pictures > 1 else completion(str(pictures))

    with serving(limited) as log:
        one, two, again = to(log).complete([mixture(pictures=n) for n in (1, 2, 1)], GREEDY)
    assert one == again == Completion("1")
    assert isinstance(two, TooManyPictures)
    assert (two.limit, two.status) == (1, 400)
    assert len(log.asked) == 3


def test_the_questions_not_yet_asked_when_one_fails_are_dropped() -> None:
    replies = [Reply(b"", silence_s=SILENCE_S), refusal(500, {"error": "broken"})]
    with serving(replies) as log:
        with pytest.raises(ServerRefusal):
            to(log, concurrency=2).complete([mixture(pictures=1)] * 9, GREEDY)
        assert len(log.asked) == 2


ASK = ("-m", "semclip", "ask", "photo.png", "What?", "-k", "0", "--model", "m", "--base-url")
ASK_SEVERAL = """
import sys
from semclip.adapters.server import connect_server
from semclip.types import Decoding, Mixture, Prompt

adapter = connect_server(sys.argv[1], model="m")
adapter.complete([Mixture((Prompt((question,)),)) for question in "ABC"], Decoding())
"""


@pytest.fixture
def heeded_ctrl_c() -> Iterator[None]:
    """A process that was started in the background ignores Ctrl-C, and so do those that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_ctrl_c")
@pytest.mark.parametrize(("command", "code"), [(ASK, 130), (("-c", ASK_SEVERAL), -signal.SIGINT)])
def test_ctrl_c_does_not_wait_for_the_server(command: Sequence[str], code: int, tmp_path: Path) -> None:
    picture(0).save(tmp_path / "photo.png")
    arrived = threading.Event()

    def silent(_body: dict[str, Any]) -> Reply:
        arrived.set()
        return Reply(b"", silence_s=SILENCE_S)

    with serving(silent) as log:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        with subprocess.Popen([sys.executable, *command, log.base_url], cwd=tmp_path, env=environment) as asking:
            assert arrived.wait(60)
            asking.send_signal(signal.SIGINT)
            assert asking.wait(SILENCE_S / 2) == code


@pytest.mark.parametrize("way", STREAMED)
def test_a_stream_ends_with_either_mark_and_needs_no_end_of_the_connection(way: Way) -> None:
    for end in (event(None, "length"), b"data: [DONE]\n\n"):
        with serving([events(event("4"), event("2"), end, cut=True)]) as log:
            assert way(to(log), mixture(), GREEDY) == "42"


def test_a_stream_gives_each_piece_as_it_comes_and_can_be_left() -> None:
    with serving([events(event("4"), event("2"), cut=True)]) as log:
        stream = to(log).stream(mixture(), GREEDY)
        assert log.asked == []
        assert next(stream) in ("4", "42")
        stream.close()
        assert list(stream) == []
    assert len(log.asked) == 1


# What may be set


@pytest.mark.parametrize(
    "option",
    [
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"backoff_s": -1.0},
        {"longest_wait_s": float("inf")},
        {"connect_retries": -1},
        {"concurrency": 0},
        {"picture_format": "webp"},
        {"family": "clip"},
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(option))} needs to be"):
        ServerOptions(**option)


def test_a_server_is_known_by_its_model() -> None:
    assert at("http://127.0.0.1:1/v1").name == "m"


def test_pictures_are_shown_as_the_options_say_or_else_as_suits_the_family() -> None:
    llava, own = FAMILIES["llava"].style, Style(fusion="ensemble")
    for options, style in (
        ({}, Style()),
        ({"family": "llava-1.5"}, replace(llava, fusion="montage")),
        ({"style": own}, own),
        ({"family": "llava-1.5", "style": own}, own),
    ):
        assert at("http://127.0.0.1:1/v1", **options).style == style


@pytest.mark.parametrize("missing", ["openai", "httpx2"])
def test_a_missing_library_names_the_extra_when_a_server_is_asked_for_and_not_before(missing: str) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from semclip.adapters.server import connect_server; print('light')\n"
        "connect_server('http://127.0.0.1:1/v1', model='m')"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout == "light\n"
    last = run.stderr.splitlines()[-1]
    assert last == f'semclip.errors.MissingExtra: {missing} is not installed; run: pip install "semclip[openai]"'
