"""A real server, `transformers serve`, with a small LLaVA: its answers are those of the same model in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import openai
import pytest
import torch
from PIL.Image import Image as PILImage
from transformers import AutoModelForImageTextToText, AutoProcessor

from semclip.adapters.server import ServerAdapter, ServerOptions, connect_server
from semclip.errors import UnknownModel
from semclip.geometry import Box, Size
from semclip.pipeline import SemClip
from semclip.prompts import to_chat_messages
from semclip.selection import Choice
from semclip.types import Completion, Decoding, Prompt
from semclip.vlm import connect
from tests.adapters.asking import WAYS, Way, by_stream, mixture
from tests.adapters.loopback import decoded, free_port
from tests.fakes import ColorRelevance, spotted

pytestmark = pytest.mark.long

GREEDY = Decoding(max_tokens=6)
START_S = 180
# The command does not start with every huggingface_hub, and looks `Request` up in a module that does not import it.
SERVE = """
import sys
import torch
import transformers.cli.serve as serve
from fastapi import Request

torch.set_num_threads(1)
serve.Request = Request
serve.Serve(force_model=sys.argv[2], host="127.0.0.1", port=int(sys.argv[1]), device="cpu", dtype="float32")
"""


@dataclass(frozen=True)
class Real:
    """A running server and the folder of its only model, which is the model's name there."""

    base_url: str
    folder: Path

    def adapter(self, **options: Any) -> ServerAdapter:
        return connect_server(self.base_url, model=str(self.folder), options=ServerOptions(**options))

    def in_memory(self, prompt: Prompt) -> str:
        """What the model writes when transformers runs it here."""
        model, processor = self._loaded
        inputs = processor.apply_chat_template(
            to_chat_messages(prompt), tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt"
        )
        ids = model.generate(**inputs, max_new_tokens=GREEDY.max_tokens, do_sample=False)
        text: str = processor.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return text

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        torch.set_num_threads(1)
        model = AutoModelForImageTextToText.from_pretrained(self.folder, dtype=torch.float32).eval()
        return model, AutoProcessor.from_pretrained(self.folder)


@pytest.fixture(scope="module")
def real(vlm_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder, port = vlm_folder("llava"), free_port()
    log = tmp_path_factory.mktemp("serving") / "log"
    command = [sys.executable, "-c", SERVE, str(port), str(folder)]
    with log.open("w") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        _await(f"http://127.0.0.1:{port}/health", process, log)
        yield Real(f"http://127.0.0.1:{port}/v1", folder)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener, deadline = build_opener(ProxyHandler({})), time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with opener.open(url, timeout=10) as answer:
                assert json.load(answer) == {"status": "ok"}
                return
        except URLError:
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start: {log.read_text()[-2000:]}")


@pytest.mark.parametrize("pictures", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_the_answer_is_that_of_the_model_in_memory(real: Real, way: Way, pictures: int) -> None:
    asked = mixture("What number is on the bus?", pictures=pictures)
    text = way(real.adapter(picture_format="png"), asked, GREEDY)
    assert text == real.in_memory(asked.prompts[0])
    assert text != real.in_memory(mixture("And now?", pictures=pictures).prompts[0])


def test_several_answers_keep_their_order_and_say_what_they_cost(real: Real) -> None:
    mixtures = [mixture(pictures=number) for number in (2, 1, 3)]
    answers = real.adapter(picture_format="png", concurrency=3).complete(mixtures, GREEDY)
    whole = [answer for answer in answers if isinstance(answer, Completion)]
    assert [answer.text for answer in whole] == [real.in_memory(asked.prompts[0]) for asked in mixtures]
    assert [answer.completion_tokens for answer in whole] == [6, 6, 6]
    two, one, three = (answer.prompt_tokens or 0 for answer in whole)
    assert one < two < three


def test_a_stream_comes_in_pieces(real: Real) -> None:
    pieces = list(real.adapter().stream(mixture(), GREEDY))
    assert len(pieces) > 1
    assert "".join(pieces) == by_stream(real.adapter(), mixture(), GREEDY)


@pytest.mark.parametrize("way", WAYS)
def test_another_model_is_unknown(real: Real, way: Way) -> None:
    adapter = connect_server(real.base_url, model="no/such-model")
    with pytest.raises(UnknownModel, match=r"pinned to .*requested 'no/such-model'"):
        way(adapter, mixture(), GREEDY)


SIZE = Size(120, 80)
RED = Box(0, 0, 20, 20)
PIXELS = spotted(SIZE, {RED: (255, 0, 0)})
SEMCLIP = SemClip(ColorRelevance(), choice=Choice(k=1))


def test_messages_of_a_selection_suit_the_plain_client(real: Real) -> None:
    selection = SEMCLIP.select(PIXELS, "red")
    messages = selection.to_openai_messages()
    with openai.OpenAI(base_url=real.base_url, api_key="none", max_retries=0) as client:
        asked: dict[str, Any] = {"messages": messages, "max_tokens": 6, "temperature": 0}
        answer = client.chat.completions.create(model=str(real.folder), **asked)
    content: Sequence[dict[str, Any]] = messages[0]["content"]
    seen: tuple[str | PILImage, ...] = tuple(
        part["text"] if part["type"] == "text" else decoded(part["image_url"]["url"]) for part in content
    )
    assert sum(not isinstance(part, str) for part in seen) == 2
    assert answer.choices[0].message.content == real.in_memory(Prompt(seen))


def test_connect_asks_with_crops_and_without(real: Real) -> None:
    vlm = connect(
        real.base_url, model=str(real.folder), options=ServerOptions(picture_format="png", family="llava-1.5")
    )
    vlm = vlm.using(psi=ColorRelevance(), choice=Choice(k=1))
    plain, close = vlm.ask(PIXELS, "red", k=0, max_tokens=6), vlm.ask(PIXELS, "red", max_tokens=6)
    selection = SEMCLIP.select(PIXELS, "red")
    assert plain.text == real.in_memory(Prompt((selection.overview, "red")))
    assert (len(plain.shown), len(close.shown)) == (0, 1)
    assert (plain.usage.visual_tokens, close.usage.visual_tokens) == (576, 576)
    assert "".join(vlm.stream(PIXELS, "red", max_tokens=6)) == close.text
