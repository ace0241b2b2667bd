"""Prompts: order, names of places, wording, the chat formats."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import fields, replace
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semclip import prompts
from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.prompts import ENGLISH, Arrangement, Wording
from semclip.types import Prompt
from tests import strategies

RED, BLUE = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (4, 2), "blue")
SIZE = Size(90, 60)
TEXTS = [field.name for field in fields(Wording) if field.name != "places"]


def prompt_of_one_crop() -> Prompt:
    return prompts.compose("What is it?", RED, [BLUE], places=["upper left"])


def sent(uri: str) -> Image.Image:
    """The picture of a data: URI, as a reader that knows only JPEG and PNG decodes it."""
    picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])), formats=["JPEG", "PNG"])
    picture.load()
    return picture


def test_a_prompt_shows_the_overview_then_each_crop_with_its_place_then_the_question() -> None:
    assert prompt_of_one_crop().parts == (
        "Picture 1 is the whole image.",
        RED,
        "Picture 2 is a close-up of its upper left.",
        BLUE,
        "What is it?",
    )


def test_without_crops_the_overview_is_shown_and_nothing_announced() -> None:
    assert prompts.compose("What?", RED, [], places=[]).parts == (RED, "What?")


def test_crops_need_their_places() -> None:
    with pytest.raises(InputError, match="1 crops and 0 places"):
        prompts.compose("What?", RED, [BLUE], places=[])


@pytest.mark.parametrize(
    ("overview", "crops", "places", "said"),
    [
        ("above", "row", ["center"], "on top and, below it, a close-up of its center."),
        ("above", "row", ["center", "upper left"], "2 close-ups from left to right: of its center, of its upper left."),
        ("beside", "column", ["center", "center"], "on the left and, to its right, 2 close-ups from top to bottom:"),
        ("above", "rows", ["center"] * 3, "3 close-ups, row by row: of its center, of its center, of its center."),
        ("beside", "columns", ["center"] * 3, "to its right, 3 close-ups, column by column: of its center,"),
    ],
)
def test_a_montage_is_described(overview: Any, crops: Any, places: list[str], said: str) -> None:
    shown = prompts.compose_montage("What?", RED, places=places, arrangement=Arrangement(overview, crops))
    picture, description, question = shown.parts
    assert (picture, question) == (RED, "What?")
    assert isinstance(description, str)
    assert description.startswith("The picture shows the whole image ")
    assert said in description


def test_every_text_can_be_replaced() -> None:
    german = Wording(
        overview="Bild {number}: das Ganze.",
        crop="Bild {number}: {place}.",
        above="Oben das Ganze, unten {close_ups}.",
        one="ein Ausschnitt {places}",
        each="von {place}",
        places=tuple("123456789abcdef"),
    )
    upper_right = prompts.place(Box(80, 0, 90, 10), SIZE, wording=german)
    assert upper_right == "3"
    assert prompts.place(Box(0, 50, 90, 60), SIZE, wording=german) == "c"
    assert prompts.place(Box(0, 0, 10, 60), SIZE, wording=german) == "d"
    appended = prompts.compose("Was?", RED, [BLUE], places=["3"], wording=german)
    assert appended.text == "Bild 1: das Ganze.\nBild 2: 3.\nWas?"
    row = Arrangement("above", "row")
    montage = prompts.compose_montage("Was?", RED, places=["3"], arrangement=row, wording=german)
    assert montage.text == "Oben das Ganze, unten ein Ausschnitt von 3.\nWas?"


def test_an_empty_announcement_is_left_out() -> None:
    silent = Wording(overview="", crop="", above="")
    assert prompts.compose("What?", RED, [BLUE], places=["center"], wording=silent).parts == (RED, BLUE, "What?")
    row = Arrangement("above", "row")
    montage = prompts.compose_montage("What?", RED, places=["center"], arrangement=row, wording=silent)
    assert montage.parts == (RED, "What?")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("text", ["{nothing}", "{}", "{0}", "{", "}", "{place.upper}", "{number:Q}", "{places[9]}"])
def test_a_text_with_unknown_braces_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"'{name}' may hold .* got '"):
        replace(ENGLISH, **cast("Any", {name: text}))


def test_a_wording_needs_every_place() -> None:
    with pytest.raises(InputError, match="15 places, got 1"):
        Wording(places=("everywhere",))


@pytest.mark.parametrize(
    ("box", "name"),
    [
        (Box(0, 0, 30, 20), "upper left"),
        (Box(30, 0, 60, 20), "upper middle"),
        (Box(0, 20, 30, 40), "middle left"),
        (Box(0, 0, 90, 60), "center"),
        (Box(80, 50, 90, 60), "lower right"),
        (Box(10, 0, 90, 20), "upper part from side to side"),
        (Box(0, 20, 90, 40), "middle part from side to side"),
        (Box(30, 0, 60, 60), "middle part from top to bottom"),
        (Box(70, 0, 90, 42), "right part from top to bottom"),
        (Box(30, 0, 60, 39), "upper middle"),
    ],
)
def test_places_are_named_by_the_centre_and_strips_by_their_length(box: Box, name: str) -> None:
    assert prompts.place(box, SIZE) == name


@given(strategies.boxes(SIZE))
def test_every_box_has_a_place(box: Box) -> None:
    assert prompts.place(box, SIZE)


@pytest.mark.parametrize("picture_format", ["jpeg", "png"])
def test_openai_messages_carry_the_pictures_as_data_uris(picture_format: prompts.PictureFormat) -> None:
    (message,) = prompts.to_openai_messages(prompt_of_one_crop(), picture_format=picture_format)
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text", "image_url", "text"]
    uri = message["content"][1]["image_url"]["url"]
    assert uri.startswith(f"data:image/{picture_format};base64,")
    assert sent(uri).format == picture_format.upper()
    assert sent(uri).size == RED.size


def test_chat_messages_carry_the_pictures_themselves() -> None:
    (message,) = prompts.to_chat_messages(prompt_of_one_crop())
    assert message["content"][1] == {"type": "image", "image": RED}
    assert message["content"][4] == {"type": "text", "text": "What is it?"}


def test_qwen_messages_are_chat_messages_that_json_can_hold() -> None:
    (chat,) = prompts.to_chat_messages(prompt_of_one_crop())
    (message,) = json.loads(json.dumps(prompts.to_qwen_messages(prompt_of_one_crop(), picture_format="png")))
    assert [part["type"] for part in message["content"]] == [part["type"] for part in chat["content"]]
    assert message["content"][0] == chat["content"][0]
    assert message["content"][3].keys() == {"type", "image"}
    assert sent(message["content"][3]["image"]).tobytes() == BLUE.tobytes()


@given(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"]))
def test_pictures_of_every_mode_are_sent_as_rgb(mode: str) -> None:
    for picture_format in get_args(prompts.PictureFormat):
        uri = prompts.data_uri(Image.new(mode, (3, 2)), picture_format)
        assert (sent(uri).mode, sent(uri).size) == ("RGB", (3, 2))


def test_what_is_transparent_shows_white() -> None:
    glass = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
    assert sent(prompts.data_uri(glass, "png")).getpixel((0, 0)) == (255, 255, 255)


def test_other_formats_are_refused() -> None:
    with pytest.raises(InputError, match="jpeg or png, got 'webp'"):
        prompts.encode(RED, cast("Any", "webp"))
