"""The one place that says to a model what it sees, and the chat formats that servers and processors read.

Knows nothing of relevance or of how boxes were chosen. Adapters guard against control tokens in the question: which
ones there are depends on the model.
"""

from __future__ import annotations

import base64
import io
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.types import Prompt

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

PictureFormat = Literal["jpeg", "png"]
"""What data: URIs hold. No WebP: llama.cpp cannot read it."""

_JPEG_QUALITY = 90
_PLACES = (
    *("upper left", "upper middle", "upper right"),
    *("middle left", "center", "middle right"),
    *("lower left", "lower middle", "lower right"),
    *("upper part from side to side", "middle part from side to side", "lower part from side to side"),
    *("left part from top to bottom", "middle part from top to bottom", "right part from top to bottom"),
)
_STRIP_FRAC = 0.7
"""A box that spans at least this much of one side of the image, and less of the other, is no corner of it."""
_PLACEHOLDERS = {
    "overview": {"number"},
    "crop": {"number", "place"},
    "above": {"close_ups"},
    "beside": {"close_ups"},
    "one": {"places"},
    "row": {"count", "places"},
    "rows": {"count", "places"},
    "column": {"count", "places"},
    "columns": {"count", "places"},
    "each": {"place"},
}


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a montage is laid out: where the overview stands to the close-ups, and these to each other."""

    overview: Literal["above", "beside"]
    crops: Literal["row", "rows", "column", "columns"]


@dataclass(frozen=True, slots=True)
class Wording:
    """Every text that semclip adds to a question; format strings, any of which may be replaced, in any language.

    `overview` and `crop` announce pictures of their own. `above` or `beside` describes a montage; its {close_ups} are
    `one`, `row`, `rows`, `column` or `columns`, whose {places} are `each`, joined by commas. An announcement that is
    empty is left out. `places` are the nine cells of the image, row by row, then strips along its width, from the top,
    and strips along its height, from the left.

    Raises: InputError for a placeholder that the text does not know, or other than fifteen places.
    """

    overview: str = "Picture {number} is the whole image."
    crop: str = "Picture {number} is a close-up of its {place}."
    above: str = "The picture shows the whole image on top and, below it, {close_ups}."
    beside: str = "The picture shows the whole image on the left and, to its right, {close_ups}."
    one: str = "a close-up {places}"
    row: str = "{count} close-ups from left to right: {places}"
    rows: str = "{count} close-ups, row by row: {places}"
    column: str = "{count} close-ups from top to bottom: {places}"
    columns: str = "{count} close-ups, column by column: {places}"
    each: str = "of its {place}"
    places: tuple[str, ...] = _PLACES

    def __post_init__(self) -> None:
        if len(self.places) != len(_PLACES):
            raise InputError(f"a wording needs {len(_PLACES)} places, got {len(self.places)}")
        for name, known in _PLACEHOLDERS.items():
            _check(name, getattr(self, name), known)


def _check(name: str, text: str, known: set[str]) -> None:
    needed = f"the wording's {name!r} may hold {', '.join(f'{{{one}}}' for one in sorted(known))} and no other braces"
    try:
        used = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
        text.format(**dict.fromkeys(known, "1"))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise InputError(f"{needed}, got {text!r}") from error
    if not used <= known:
        raise InputError(f"{needed}, got {text!r}")


ENGLISH = Wording()


def compose(
    question: str,
    overview: PILImage,
    crops: Sequence[PILImage],
    *,
    places: Sequence[str],
    wording: Wording = ENGLISH,
) -> Prompt:
    """A prompt of the overview, then each crop announced by its place, then the question.

    Pictures are numbered because some chat templates move all of them to the front of the message: the text must still
    say which is which. Without crops it is the overview and the question, and nothing else.
    """
    if len(crops) != len(places):
        raise InputError(f"a prompt needs one place for each crop, got {len(crops)} crops and {len(places)} places")
    if not crops:
        return Prompt((overview, question), tiling=False)
    parts: list[str | PILImage] = [wording.overview.format(number=1), overview]
    for number, (crop, at) in enumerate(zip(crops, places, strict=True), start=2):
        parts += [wording.crop.format(number=number, place=at), crop]
    return Prompt((*(part for part in parts if part != ""), question), tiling=False)


def compose_montage(
    question: str,
    montage: PILImage,
    *,
    places: Sequence[str],
    arrangement: Arrangement,
    wording: Wording = ENGLISH,
) -> Prompt:
    """A prompt of one picture that shows overview and crops, a description of it, then the question.

    `places` are those of the crops, in the order in which they are drawn.
    """
    crops = wording.one if len(places) == 1 else getattr(wording, arrangement.crops)
    each = ", ".join(wording.each.format(place=at) for at in places)
    close_ups = crops.format(count=len(places), places=each)
    described = getattr(wording, arrangement.overview).format(close_ups=close_ups)
    return Prompt((montage, *([described] if described else []), question), tiling=False)


def place(box: Box, size: Size, *, wording: Wording = ENGLISH) -> str:
    """The name of the 3x3 cell that holds the box's centre, or of the strip that a long box is.

    >>> place(Box(0, 0, 10, 10), Size(90, 90)), place(Box(0, 40, 90, 60), Size(90, 90))
    ('upper left', 'middle part from side to side')
    """
    x, y = box.center
    row, column = min(2, int(3 * y / size.height)), min(2, int(3 * x / size.width))
    wide, high = box.size.width >= _STRIP_FRAC * size.width, box.size.height >= _STRIP_FRAC * size.height
    if wide == high:
        return wording.places[3 * row + column]
    return wording.places[9 + row if wide else 12 + column]


def to_openai_messages(prompt: Prompt, *, picture_format: PictureFormat = "jpeg") -> list[dict[str, Any]]:
    """One user message of `chat/completions` content parts; pictures are data: URIs, JPEG or PNG."""
    return _messages(
        prompt, lambda picture: {"type": "image_url", "image_url": {"url": data_uri(picture, picture_format)}}
    )


def to_chat_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """One user message as Hugging Face `apply_chat_template` reads it; pictures are PIL images."""
    return _messages(prompt, lambda picture: {"type": "image", "image": picture})


def to_qwen_messages(prompt: Prompt, *, picture_format: PictureFormat = "jpeg") -> list[dict[str, Any]]:
    """One user message as `process_vision_info` of Qwen's qwen_vl_utils reads it; pictures are data: URIs.

    No `resized_height` nor `resized_width`: the pictures have the size in which they are to be seen, and Qwen's own
    rounding of it depends on the model's patch size.
    """
    return _messages(prompt, lambda picture: {"type": "image", "image": data_uri(picture, picture_format)})


def _messages(prompt: Prompt, shown: Callable[[PILImage], dict[str, Any]]) -> list[dict[str, Any]]:
    """One user message of texts and pictures in the prompt's order, each picture as `shown` puts it."""
    content = [{"type": "text", "text": part} if isinstance(part, str) else shown(part) for part in prompt.parts]
    return [{"role": "user", "content": content}]


def data_uri(picture: PILImage, picture_format: PictureFormat) -> str:
    """`data:image/...;base64,...` of the picture."""
    encoded = base64.b64encode(encode(picture, picture_format)).decode("ascii")
    return f"data:image/{picture_format};base64,{encoded}"


def encode(picture: PILImage, picture_format: PictureFormat) -> bytes:
    """The picture as an RGB file: PNG without loss, JPEG at quality 90. What is transparent shows white.

    Raises: InputError for another format.
    """
    if picture_format not in ("jpeg", "png"):
        raise InputError(f"a picture is sent as jpeg or png, got {picture_format!r}")
    buffer = io.BytesIO()
    _rgb(picture).save(buffer, format=picture_format, quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _rgb(picture: PILImage) -> PILImage:
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    opaque = Image.new("RGBA", picture.size, "white")
    opaque.alpha_composite(picture.convert("RGBA"))
    return opaque.convert("RGB")
