"""Replies of models: written in batches of any size, or the likeliest of given answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from semclip import images
from semclip.errors import InputError, TooManyPictures
from semclip.evaluation.answers.protocol import AnswerConfig, askings
from semclip.evaluation.answers.replies import Job, Posed, Question, replies, require_likelihoods
from semclip.evaluation.answers.strategies import bind, parse
from semclip.evaluation.datasets.items import Item, MatcherName
from semclip.pipeline import SemClip
from semclip.types import Style
from semclip.vlm import VLM
from tests.evaluation.answers.making import CONFIG, Reader, item
from tests.fakes import ColorRelevance, ScriptedVLM

if TYPE_CHECKING:
    from semclip.protocols import Adapter


def job(asked: Item, adapter: Adapter, strategy: str = "color", config: AnswerConfig = CONFIG) -> Job:
    picture = images.load(asked.image)
    matcher: MatcherName = "choice" if asked.options else "exact"
    question = Question("set", asked, askings(asked, matcher, config), matcher)
    bound = bind(parse(strategy), VLM(adapter, SemClip(ColorRelevance())), config, {"color": ColorRelevance()})
    return Job(Posed(question, picture), bound, next(bound.tries(picture, asked)), seconds=1.0)


def test_each_job_has_its_reply_whatever_the_batch() -> None:
    jobs = [job(item(number), Reader()) for number in range(4)]
    texts = [[reply.texts for reply in replies(jobs, AnswerConfig(k=1, batch_size=size))] for size in (1, 3, 9)]
    assert texts[0] == [("red",), ("green",), ("blue",), ("red",)]
    assert texts[0] == texts[1] == texts[2]


def test_a_reply_says_what_it_cost() -> None:
    (reply,) = replies([job(item(0), Reader())], CONFIG)
    assert (reply.visual_tokens, reply.vlm_passes, len(reply.boxes)) == (200, 1, 1)
    assert reply.seconds >= 1
    (reply,) = replies([job(item(0), Reader(style=Style("ensemble")), "color/2")], CONFIG)
    assert (reply.visual_tokens, reply.vlm_passes, len(reply.boxes)) == (300, 3, 2)
    (reply,) = replies([job(item(0), Reader(), "color/2@pairs")], CONFIG)
    assert (reply.visual_tokens, reply.vlm_passes, len(reply.boxes)) == (400, 2, 2)
    (reply,) = replies([job(item(0), Reader(), "blind")], CONFIG)
    assert (reply.texts, reply.visual_tokens, reply.vlm_passes, reply.boxes) == (("grey",), 0, 1, ())


def test_a_server_that_takes_no_more_pictures_shows_fewer_and_the_reply_says_so() -> None:
    (reply,) = replies([job(item(0), ScriptedVLM(limit=2), "color/3")], CONFIG)
    assert len(reply.boxes) == 1
    with pytest.raises(TooManyPictures):
        replies([job(item(0), ScriptedVLM(limit=-1), "blind")], CONFIG)


@pytest.mark.parametrize("strategy", ["overview", "color", "color@append", "blind"])
def test_the_likeliest_option_is_the_answer(strategy: str, vlm_folder: Callable[[str], Path]) -> None:
    from semclip.adapters.chat import load_chat
    from semclip.adapters.chat.forcing import as_written, log_likelihoods

    adapter, config = load_chat(vlm_folder("llava")), AnswerConfig(k=1, options="likelihood", batch_size=3)
    options = [("red", "green", "blue"), ("blue", "red", "x"), ("yes", "red", "no")]
    jobs = [job(item(n, options=some, right=0), adapter, strategy, config) for n, some in enumerate(options)]
    made = replies(jobs, config)
    for one, reply, some in zip(jobs, made, options, strict=True):
        (text,) = one.texts
        assert text == one.posed.question.item.question
        mixture = one.strategy.vlm.view(one.selection, text).mixture
        if strategy != "blind":
            written = as_written(adapter, mixture, some)
            likelihoods = [log_likelihoods(adapter, [mixture], option)[0] for option in written]
            assert reply.texts == (some[likelihoods.index(max(likelihoods))],)
        assert reply.vlm_passes == (1 + 3) * (1 if strategy == "blind" else len(mixture.prompts))


def test_likelihoods_need_a_model_in_memory(vlm_folder: Callable[[str], Path]) -> None:
    from semclip.adapters.chat import load_chat

    require_likelihoods(VLM(load_chat(vlm_folder("llava"))))
    with pytest.raises(InputError, match="likelihoods need a model in memory, got scripted"):
        require_likelihoods(VLM(ScriptedVLM()))
