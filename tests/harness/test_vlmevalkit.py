"""The plugin of VLMEvalKit, asked as its run.py asks: registered under a name, made, given messages."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from semclip.errors import InputError, MissingExtra
from semclip.geometry import Box, Size
from tests.adapters.loopback import completion, serving
from tests.fakes import spotted

PROMPT = (
    "Question: What is red?\nOptions:\nA. a bus\nB. a car\nPlease select the correct answer from the options above. \n"
)
INSTALLED = find_spec("vlmeval") is not None


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.fromarray(spotted(Size(400, 300), {Box(0, 0, 100, 100): (255, 0, 0)})).save(path)
    return str(path)


def image(photo: str) -> dict[str, str]:
    return {"type": "image", "value": photo}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "value": words}


def registered(plugin: ModuleType, name: str, **options: Any) -> Any:
    """What VLMEvalKit's table makes of `name`."""
    plugin.register(name, **options)
    return importlib.import_module("vlmeval.config").supported_VLM[name]


def test_a_registered_model_answers_messages(vlmevalkit_plugin: ModuleType, photo: str) -> None:
    with serving([completion("A")]) as server:
        model = registered(
            vlmevalkit_plugin, "Qwen2.5-VL-7B-semclip", model="m", base_url=server.base_url, psi="center", k=1
        )(use_vllm=False)
        assert not model.use_custom_prompt("VStarBench")
        assert model.generate([image(photo), text(PROMPT)], dataset="VStarBench") == "A"
        assert model.generate([text("Who?")]) == "A"
        assert model.generate([image(photo), text("or"), image(photo)]) == "A"
    assert [len(server.pictures(n)) for n in range(3)] == [2, 0, 2]
    assert server.asked[0]["messages"][0]["content"][-1]["text"] == PROMPT
    assert (server.asked[0]["temperature"], server.asked[0]["max_tokens"]) == (0.0, 1024)


def test_a_model_in_memory_answers_with_and_without_close_ups(
    vlmevalkit_plugin: ModuleType, photo: str, vlm_folder: Callable[[str], Path]
) -> None:
    folder = str(vlm_folder("llava"))
    on, off = (
        vlmevalkit_plugin.SemClipModel(model=folder, device="cpu", psi="center", k=k, max_tokens=6) for k in (1, 0)
    )
    message = [image(photo), text(PROMPT)]
    assert len(on.generate(message)) == len(off.generate(message)) == 6
    assert off.generate(message) == off.vlm.ask(photo, PROMPT).text


def test_what_cannot_be_asked_is_refused(vlmevalkit_plugin: ModuleType) -> None:
    plugin = vlmevalkit_plugin
    with pytest.raises(InputError, match="model is needed"):
        plugin.register("semclip", k=2)
    with pytest.raises(InputError, match="base_url instead of --use-vllm"):
        plugin.SemClipModel(model="m", use_vllm=True)
    model = plugin.SemClipModel(model="m", base_url="http://127.0.0.1:1/v1", psi="center")
    with pytest.raises(InputError, match="texts and pictures, got video"):
        model.generate_inner([{"type": "video", "value": "clip.mp4"}])


@pytest.mark.skipif(INSTALLED, reason="VLMEvalKit is installed")
def test_without_vlmevalkit_one_line_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtra, match=r"^vlmeval is not installed; run: pip install ms-vlmeval$"):
        importlib.import_module("semclip.harness.vlmevalkit")
