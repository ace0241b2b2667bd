from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.relevance.phrases import noun_phrase

CASES = {
    "What is the colour of the woman's umbrella?": "the woman's umbrella",
    "What color is the umbrella?": "the umbrella",
    "What colour are the skis in the picture?": "the skis",
    "What's the brand of the laptop?": "the laptop",
    "What kind of dog is next to the man?": "dog next to the man",
    "Which breed of dog is this?": "dog",
    "What time does the clock show?": "the clock",
    "What number is on the red bus?": "number on the red bus",
    "What text is written on the yellow sign?": "text on the yellow sign",
    "What is written on the blackboard?": "the blackboard",
    "What does the sign say?": "the sign",
    "What does it say on the back of the truck?": "the back of the truck",
    "Which words can be read here?": "words",
    "What is the licence plate number of the car?": "the licence plate number of the car",
    "What is the total amount in the invoice shown in the picture?": "the total amount in the invoice",
    "What is in the man's left hand?": "the man's left hand",
    "What is to the left of the dog?": "the dog",
    "What stands next to the white pawn?": "the white pawn",
    "What is the tennis racket doing there?": "the tennis racket",
    "On which square does the black king stand?": "the black king",
    "Where is the potted plant?": "the potted plant",
    "Where are my keys located?": "my keys",
    "Where's the cat?": "the cat",
    "Who is wearing the red hat?": "person wearing the red hat",
    "Who is the author of the book?": "the author of the book",
    "Whose bag is this?": "bag",
    "How many dogs are there?": "dogs",
    "How many people are in the boat?": "people in the boat",
    "How much does the coffee cost?": "the coffee",
    "How tall is the tower?": "the tower",
    "Is there a cat under the table?": "a cat under the table",
    "Are there any boats here?": "boats",
    "Is the black pawn still on the board?": "the black pawn",
    "Do you see a bicycle in this photo?": "a bicycle",
    "Can you read the number plate?": "the number plate",
    "Could you please tell me what the sign says?": "the sign",
    "Read the text in the image.": "the text",
    "Describe the sports ball.": "the sports ball",
    "Please find the exit sign!": "the exit sign",
    "In this image, what is the man holding?": "the man holding",
    "What animal is the boy holding?": "the boy holding",
    "Where can I find the wifi password?": "the wifi password",
    "What\u2019s on top of the fridge?": "the fridge",
    "a red bus": "a red bus",
    "Can of cola": "Can of cola",
}


@pytest.mark.parametrize(("question", "phrase"), CASES.items())
def test_only_the_thing_asked_about_is_left(question: str, phrase: str) -> None:
    assert noun_phrase(question) == phrase


@pytest.mark.parametrize("question", ["What is it?", "Where is this?", "What is written in this picture?", "???", ""])
def test_a_question_about_nothing_named_stays_as_it_is(question: str) -> None:
    assert noun_phrase(question) == question


def test_case_and_spacing_do_not_matter_but_the_names_keep_their_case() -> None:
    assert noun_phrase("  WHERE   is the  BMW logo ?") == "the BMW logo"


def test_a_question_longer_than_any_encoder_reads_stays_as_it_is() -> None:
    question = "is there " * 5000
    assert noun_phrase(question) == question


WORDS = sorted({word for question in CASES for word in question.split()} | {"it", "the", "?", ","})
wordings = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@given(st.text() | wordings)
def test_what_is_left_is_never_empty_and_has_nothing_more_to_lose(question: str) -> None:
    phrase = noun_phrase(question)
    assert bool(phrase) == bool(question)
    assert noun_phrase(phrase) == phrase
