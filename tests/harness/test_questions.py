"""The bare question, out of the prompts of real benchmarks as harnesses write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semclip.harness.questions import bare_question

PROMPTS = {
    "lmms-eval V*": (
        "What is the material of the glove?\nA. rubber\nB. cotton\nC. kevlar\nD. leather\n"
        "Answer with the option's letter from the given choices directly.",
        "What is the material of the glove?",
    ),
    "lmms-eval HR-Bench": (
        "What is the name of the shop?\nA. Vodafone\nB. Orange\nC. O2\nD. Three\nAnswer the option letter directly.",
        "What is the name of the shop?",
    ),
    "lmms-eval TextVQA": (
        "What is the brand of this camera?\nReference OCR token: dakota, digital\n"
        "Answer the question using a single word or phrase.",
        "What is the brand of this camera?",
    ),
    "lmms-eval TextVQA for Qwen": ("What is the brand of this camera? Answer:", "What is the brand of this camera?"),
    "VLMEvalKit V*": (
        "Question: Is the red car left of the dog?\nOptions:\nA. left\nB. right\n"
        "Please select the correct answer from the options above. \n",
        "Is the red car left of the dog?",
    ),
    "VLMEvalKit with a hint": (
        "Hint: The figure shows a food web.\nQuestion: Which animal is eaten?\nOptions:\nA. fox\nB. hare\n",
        "Which animal is eaten?",
    ),
    "VLMEvalKit MME": ("Is there a cup? Please answer yes or no.", "Is there a cup?"),
    "VLMEvalKit VQA": (
        "What time is it?\nPlease try to answer the question with short words or phrases if possible.",
        "What time is it?",
    ),
    "V* as published": ("What is the color of the bag? (A) red (B) blue", "What is the color of the bag?"),
    "upper case options": ("Who is taller?\n(A)Ann\n(B)Bob\nThe best answer is: ", "Who is taller?"),
    "no question mark": ("Read the licence plate.", "Read the licence plate."),
    "two sentences": ("The man wears a hat. Which colour is it?", "The man wears a hat. Which colour is it?"),
    "a lone letter": ("What did A. Smith sign?", "What did A. Smith sign?"),
    "bare already": ("What number is on the bus?", "What number is on the bus?"),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_labels_options_and_instructions_go_and_the_question_stays(name: str) -> None:
    prompt, question = PROMPTS[name]
    assert bare_question(prompt) == question


@pytest.mark.parametrize("prompt", ["Answer yes or no.", "Question:", "Hint: look closely", "A. one B. two", " "])
def test_what_is_all_scaffolding_stays(prompt: str) -> None:
    assert bare_question(prompt).split() == prompt.split()


@settings(max_examples=50)
@given(st.text(alphabet=st.sampled_from("AB().:?\n Question Options answer"), max_size=200))
def test_a_prompt_that_asks_something_never_becomes_empty(prompt: str) -> None:
    assert bool(bare_question(prompt).strip()) == bool(prompt.strip())


def test_a_prompt_that_is_too_long_to_be_searched_stays() -> None:
    assert bare_question("(A) " * 20_000) == "(A) " * 20_000
