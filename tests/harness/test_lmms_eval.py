"""The plugin of lmms-eval, asked as its evaluator asks: registered, made of a string, given lists of requests."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from semclip.errors import InputError, MissingExtra
from semclip.geometry import Box, Size
from tests.adapters.loopback import Loopback, Reply, completion, serving
from tests.fakes import spotted
from tests.harness.contracts.lmms_eval.api import instance as recorded_instance
from tests.harness.contracts.lmms_eval.api import model as recorded_model
from tests.harness.contracts.lmms_eval.models import registry_v2 as recorded_registry

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
PICTURE = Image.fromarray(spotted(Size(400, 300), {Box(0, 0, 100, 100): (255, 0, 0)}))
GREEDY = {"max_new_tokens": 16, "temperature": 0, "top_p": 1.0, "num_beams": 1, "do_sample": False, "until": ["\n\n"]}
INSTALLED = find_spec("lmms_eval") is not None


def echoed(body: dict[str, Any]) -> Reply:
    """A server's answer: the last line of the question, and what an answer should not go on with."""
    question = body["messages"][0]["content"][-1]["text"].splitlines()[-1]
    return completion(f"{question}\n\nASSISTANT: more", usage={"prompt_tokens": 30, "completion_tokens": 9})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving(echoed) as running:
        yield running


def made(plugin: ModuleType, server: Loopback, *, batch_size: Any = 4, **options: Any) -> Any:
    given = {"model": "m", "base_url": server.base_url, "psi": "center", "k": 1} | options
    arguments = ",".join(f"{name}={value}" for name, value in given.items())
    return plugin.SemClipModel.create_from_arg_string(arguments, {"batch_size": batch_size, "device": None})


def messages(doc: Mapping[str, Any]) -> list[dict[str, Any]]:
    pictures = [{"type": "image", "url": picture} for picture in doc["pictures"]]
    return [{"role": "user", "content": [*pictures, {"type": "text", "text": doc["text"]}]}]


def asked(model: Any, docs: list[dict[str, Any]], terms: list[dict[str, Any]]) -> list[Any]:
    """What `generate_until` makes of chat requests for `docs`, each with its generation_kwargs."""
    model.task_dict["task"] = {"test": docs}
    requests = [
        recorded_instance.Instance("generate_until", ("", messages, options, doc_id, "task", "test"), 0)
        for doc_id, options in enumerate(terms)
    ]
    return list(model.generate_until(requests))


def test_the_entry_point_names_a_chat_class(lmms_plugin: ModuleType) -> None:
    points = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["lmms_eval.models"]
    module, function = points["semclip"].split(":")
    manifest = getattr(sys.modules[module], function)()
    assert manifest.model_id == "semclip"
    assert manifest.simple_class_path is None
    assert manifest.chat_class_path == "semclip.harness.lmms_eval.SemClipModel"
    model_class = lmms_plugin.SemClipModel
    assert not model_class.is_simple
    assert issubclass(model_class, importlib.import_module("lmms_eval.api.model").lmms)


def test_answers_come_in_the_order_of_the_requests(lmms_plugin: ModuleType, server: Loopback) -> None:
    docs = [{"pictures": [PICTURE], "text": f"What is red?\nNumber {n}"} for n in range(5)]
    sampled = {"max_new_tokens": 8, "temperature": 0.7, "top_p": 0.9, "until": "ASSISTANT:"}
    results = asked(made(lmms_plugin, server, batch_size="2"), docs, [GREEDY, sampled, GREEDY, {}, sampled])
    texts = [result.text for result in results]
    assert texts[0] == "Number 0"
    assert texts[1] == "Number 1\n\n"
    assert texts[2] == "Number 2"
    assert texts[3] == "Number 3\n\nASSISTANT: more"
    assert texts[4] == "Number 4\n\n"
    assert {(result.token_counts.input_tokens, result.token_counts.output_tokens) for result in results} == {(30, 9)}


def test_requests_say_how_text_is_generated(lmms_plugin: ModuleType, server: Loopback) -> None:
    docs = [{"pictures": [PICTURE], "text": "What is red?"}] * 3
    sampled = {"max_new_tokens": 8, "temperature": 0.7, "top_p": 0.9}
    asked(made(lmms_plugin, server, max_tokens=99), docs, [GREEDY, sampled, {"temperature": None, "until": None}])
    said = [(body["max_tokens"], body["temperature"], body.get("top_p")) for body in server.asked]
    assert said == [(16, 0.0, None), (8, 0.7, 0.9), (99, 0.0, None)]


def test_one_picture_gets_close_ups_and_any_other_number_none(lmms_plugin: ModuleType, server: Loopback) -> None:
    docs = [{"pictures": [PICTURE] * n, "text": "What is red?"} for n in (1, 0, 2)]
    model = made(lmms_plugin, server, batch_size=1)
    asked(model, docs, [GREEDY] * 3)
    assert [len(server.pictures(n)) for n in range(3)] == [2, 0, 2]
    assert asked(made(lmms_plugin, server, k=0), docs[:1], [GREEDY])
    assert [picture.size for picture in server.pictures(3)] == [PICTURE.size]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([{"role": "assistant", "content": [{"type": "text", "text": "It is."}]}], "got a assistant one"),
        ([{"role": "user", "content": [{"type": "video", "url": "clip.mp4"}]}], "texts and pictures, got video"),
    ],
)
def test_other_conversations_are_refused(lmms_plugin: ModuleType, told: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lmms_plugin.read_messages(told)


def test_messages_become_texts_and_pictures(lmms_plugin: ModuleType) -> None:
    told = [{"role": "user", "content": [{"type": "image", "url": "photo.png"}, {"type": "text", "text": "Who?"}]}]
    assert lmms_plugin.read_messages(told) == [Path("photo.png"), "Who?"]
    assert lmms_plugin.read_messages([{"role": "user", "content": "Who?"}]) == ["Who?"]


def test_beams_likelihoods_and_rounds_are_refused(lmms_plugin: ModuleType, server: Loopback) -> None:
    model = made(lmms_plugin, server)
    with pytest.raises(InputError, match="without beams, got num_beams 3"):
        asked(model, [{"pictures": [], "text": "Who?"}], [{"num_beams": 3}])
    for method in (model.loglikelihood, model.generate_until_multi_round):
        with pytest.raises(NotImplementedError):
            method([])


def test_options_are_checked_when_the_model_is_made(lmms_plugin: ModuleType, server: Loopback) -> None:
    with pytest.raises(InputError, match="batch_size"):
        made(lmms_plugin, server, batch_size="auto")
    with pytest.raises(InputError, match="can be given; got"):
        made(lmms_plugin, server, crops=2)


@pytest.mark.skipif(INSTALLED, reason="lmms-eval is installed")
def test_without_lmms_eval_one_line_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtra, match=r"^lmms_eval is not installed; run: pip install lmms-eval$"):
        importlib.import_module("semclip.harness.lmms_eval")


@pytest.mark.skipif(not INSTALLED, reason="lmms-eval is not installed")
@pytest.mark.parametrize(
    ("module", "recorded"),
    [
        ("lmms_eval.api.model", recorded_model.lmms),
        ("lmms_eval.api.instance", recorded_instance.Instance),
        ("lmms_eval.api.instance", recorded_instance.GenerationResult),
        ("lmms_eval.api.instance", recorded_instance.TokenCounts),
        ("lmms_eval.models.registry_v2", recorded_registry.ModelManifest),
    ],
)
def test_the_record_is_true_to_lmms_eval(module: str, recorded: type) -> None:
    real = getattr(importlib.import_module(module), recorded.__name__)
    for name in ("__init__", "create_from_arg_string", "generate_until", "generate_until_multi_round", "loglikelihood"):
        if hasattr(recorded, name):
            told = list(inspect.signature(getattr(recorded, name)).parameters)
            assert list(inspect.signature(getattr(real, name)).parameters)[: len(told)] == told
