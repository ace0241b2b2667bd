"""Prompts: order, names of places, the two chat formats."""

from __future__ import annotations

import base64
import io

import pytest
from hypothesis import given
from PIL import Image

from semclip import prompts
from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.types import Prompt
from tests import strategies

RED, BLUE = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (4, 2), "blue")
SIZE = Size(90, 60)


def prompt_of_one_crop() -> Prompt:
    return prompts.compose("What is it?", RED, [BLUE], boxes=[Box(0, 0, 10, 10)], size=SIZE)


def test_a_prompt_shows_the_overview_then_each_crop_with_its_place_then_the_question() -> None:
    assert prompt_of_one_crop().parts == (
        "Picture 1 is the whole image.",
        RED,
        "Picture 2 is a close-up of its upper left.",
        BLUE,
        "What is it?",
    )


def test_without_crops_the_overview_is_shown_alone() -> None:
    assert prompts.compose("What?", RED, [], boxes=[], size=SIZE).pictures == (RED,)


def test_crops_need_their_boxes() -> None:
    with pytest.raises(InputError, match="1 crops and 0 boxes"):
        prompts.compose("What?", RED, [BLUE], boxes=[], size=SIZE)


@pytest.mark.parametrize(
    ("box", "name"),
    [
        (Box(0, 0, 30, 20), "upper left"),
        (Box(30, 0, 60, 20), "upper middle"),
        (Box(0, 20, 30, 40), "middle left"),
        (Box(0, 0, 90, 60), "center"),
        (Box(80, 50, 90, 60), "lower right"),
    ],
)
def test_places_are_named_by_the_centre(box: Box, name: str) -> None:
    assert prompts.place(box, SIZE) == name


@given(strategies.boxes(SIZE))
def test_every_box_has_a_place(box: Box) -> None:
    assert prompts.place(box, SIZE)


@pytest.mark.parametrize("picture_format", ["jpeg", "png"])
def test_openai_messages_carry_the_pictures_as_data_uris(picture_format: prompts.PictureFormat) -> None:
    (message,) = prompts.to_openai_messages(prompt_of_one_crop(), picture_format=picture_format)
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text", "image_url", "text"]
    head, encoded = message["content"][1]["image_url"]["url"].split(",")
    assert head == f"data:image/{picture_format};base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded)), formats=[picture_format]) as picture:
        assert picture.size == RED.size


def test_chat_messages_carry_the_pictures_themselves() -> None:
    (message,) = prompts.to_chat_messages(prompt_of_one_crop())
    assert message["content"][1] == {"type": "image", "image": RED}
    assert message["content"][4] == {"type": "text", "text": "What is it?"}
