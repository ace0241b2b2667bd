"""What servers say when they refuse, as their users have reported it word for word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.adapters.server.errors import Source, refusal, wants_max_completion_tokens
from semclip.errors import ServerRefusal, TooManyPictures, UnknownModel

SOURCE = Source("http://127.0.0.1:8000/v1, model m")

UNKNOWN_MODELS = {
    "vllm": (
        404,
        {"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404},
    ),
    "openai": (
        404,
        {"message": "The model `m` does not exist or you do not have access to it.", "code": "model_not_found"},
    ),
    "openai, by code alone": (
        404,
        {"message": "Unavailable.", "type": "invalid_request_error", "code": "model_not_found"},
    ),
    "ollama": (404, {"message": 'model "m" not found, try pulling it first', "type": "api_error", "code": None}),
    "ollama, native": (404, "model 'm' not found, try pulling it first"),
    "llama.cpp": (400, {"code": 400, "message": "model not found", "type": "invalid_request_error"}),
    "litellm": (400, {"message": "Invalid model name passed in model=m. Call `/v1/models` to view available models"}),
    "openrouter": (400, {"message": "m is not a valid model ID", "code": 400}),
    "transformers": (400, {"detail": "Server is pinned to '/models/llava'; requested 'm'."}),
}

PICTURE_LIMITS = {
    "vllm": (1, 400, {"message": "At most 1 image(s) may be provided in one request.", "type": "BadRequestError"}),
    "vllm, newer": (4, 400, {"message": "At most 4 image(s) may be provided in one prompt. (parameter=image)"}),
    "sglang": (1, 400, {"object": "error", "message": "Image count 2 exceeds limit 1 per request.", "code": 400}),
    "azure": (4, 400, {"message": "Exceeded maximum number of images (4) allowed in the request."}),
    "azure, older": (3, 400, {"message": "Too many images in request. Max is 3."}),
    "copilot": (
        2,
        400,
        {"message": "Too many images in request: 5 images provided, but the model supports a maximum of 2 images."},
    ),
    "groq": (3, 400, {"message": "Too many images provided. This model supports up to 3 images"}),
    "new-api": (4, 500, {"message": "too many images in the message, max allowed is 4"}),
    "vertex": (2, 400, {"message": "You can only include 2 image links"}),
    "ollama": (1, 500, "vision model only supports a single image per message"),
}

OTHERS = {
    "no such path": (404, {"detail": "Not Found"}),
    "no such page": (404, "404 page not found"),
    "context": (400, {"message": "This model's maximum context length is 4096 tokens, 5120 were requested."}),
    "no pictures at all": (400, {"message": "At most 0 image(s) may be provided in one prompt."}),
    "a limit that was kept": (400, {"message": "At most 8 image(s) may be provided in one prompt."}),
    "not loaded yet": (503, {"code": 503, "message": "Loading model", "type": "unavailable_error"}),
    "a fault": (500, "Internal Server Error: model file not found"),
    "a gateway": (502, "<html><title>502 Bad Gateway</title></html>"),
    "nothing": (500, ""),
}


@pytest.mark.parametrize(("status", "body"), UNKNOWN_MODELS.values(), ids=UNKNOWN_MODELS.keys())
def test_an_unknown_model_is_recognised(status: int, body: Any) -> None:
    error = refusal(status, body, source=SOURCE, pictures=2)
    assert isinstance(error, UnknownModel)
    assert error.status == status
    assert str(SOURCE) in str(error)


@pytest.mark.parametrize(("limit", "status", "body"), PICTURE_LIMITS.values(), ids=PICTURE_LIMITS.keys())
def test_a_picture_limit_is_recognised(limit: int, status: int, body: Any) -> None:
    error = refusal(status, body, source=SOURCE, pictures=5)
    assert isinstance(error, TooManyPictures)
    assert (error.limit, error.status) == (limit, status)
    assert f"at most {limit} pictures a prompt, got 5" in str(error)


@pytest.mark.parametrize(("status", "body"), OTHERS.values(), ids=OTHERS.keys())
def test_any_other_refusal_is_no_more_than_that(status: int, body: Any) -> None:
    error = refusal(status, body, source=SOURCE, pictures=3)
    assert type(error) is ServerRefusal
    assert f"refused with HTTP {status}: " in str(error)


def test_a_missing_path_is_told_from_a_missing_model() -> None:
    error = refusal(404, {"detail": "Not Found"}, source=SOURCE, pictures=1)
    assert str(error).endswith(
        "Not Found; check base_url: it is what comes before /chat/completions and often ends in /v1"
    )


def test_the_newer_name_of_max_tokens_is_asked_for() -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    assert wants_max_completion_tokens(400, {"message": words, "param": "max_tokens", "code": "unsupported_parameter"})
    assert not wants_max_completion_tokens(400, {"message": "max_tokens must be at least 1"})


@given(st.text(max_size=500) | st.binary(max_size=500))
def test_an_excerpt_is_one_short_printable_line(said: str | bytes) -> None:
    line = SOURCE.quote(said)
    assert line.isprintable()
    assert 0 < len(line) <= 203


@given(st.integers(0, 300), st.booleans())
def test_no_part_of_the_secret_is_quoted_wherever_it_stands(before: int, as_bytes: bool) -> None:
    said = "." * before + "sk-secret"
    line = Source("a server", secret="sk-secret").quote(said.encode() if as_bytes else said)
    assert set(line) <= set(".*")


@given(
    st.integers(400, 599),
    st.dictionaries(st.sampled_from(["message", "detail", "code"]), st.none() | st.text() | st.lists(st.integers()))
    | st.text()
    | st.lists(st.none()),
)
def test_whatever_a_server_says_becomes_one_line(status: int, body: Any) -> None:
    error = refusal(status, body, source=SOURCE, pictures=2)
    assert error.status == status
    assert str(error).isprintable()
