"""The one place that says to a model what it sees, and the two chat formats that servers and processors read.

Knows nothing of relevance or of how boxes were chosen. Adapters guard against control tokens in the question: which
ones there are depends on the model.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.types import Prompt

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

PictureFormat = Literal["jpeg", "png"]

_JPEG_QUALITY = 90
_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "middle", "right")


def compose(
    question: str, overview: PILImage, crops: Sequence[PILImage], *, boxes: Sequence[Box], size: Size
) -> Prompt:
    """A prompt of the overview, then each crop announced by its place, then the question.

    `boxes` are where the crops lie in the image of `size`, in the same order. Pictures are numbered because some chat
    templates move all of them to the front of the message: the text must still say which is which.
    """
    if len(crops) != len(boxes):
        raise InputError(f"a prompt needs one box for each crop, got {len(crops)} crops and {len(boxes)} boxes")
    parts: list[str | PILImage] = ["Picture 1 is the whole image.", overview]
    for number, (crop, box) in enumerate(zip(crops, boxes, strict=True), start=2):
        parts += [f"Picture {number} is a close-up of its {place(box, size)}.", crop]
    return Prompt((*parts, question))


def place(box: Box, size: Size) -> str:
    """The name of the 3x3 cell that holds the box's centre.

    >>> place(Box(0, 0, 10, 10), Size(90, 90)), place(Box(40, 40, 50, 50), Size(90, 90))
    ('upper left', 'center')
    """
    x, y = box.center
    row = _ROWS[min(2, int(3 * y / size.height))]
    column = _COLUMNS[min(2, int(3 * x / size.width))]
    return "center" if row == column == "middle" else f"{row} {column}"


def to_openai_messages(prompt: Prompt, *, picture_format: PictureFormat = "jpeg") -> list[dict[str, Any]]:
    """One user message of `chat/completions` content parts; pictures are data: URIs, JPEG or PNG."""
    content = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": data_uri(part, picture_format)}}
        for part in prompt.parts
    ]
    return [{"role": "user", "content": content}]


def to_chat_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """One user message as Hugging Face `apply_chat_template` reads it; pictures are PIL images."""
    content = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part}
        for part in prompt.parts
    ]
    return [{"role": "user", "content": content}]


def data_uri(picture: PILImage, picture_format: PictureFormat) -> str:
    """`data:image/...;base64,...` of the picture."""
    encoded = base64.b64encode(encode(picture, picture_format)).decode("ascii")
    return f"data:image/{picture_format};base64,{encoded}"


def encode(picture: PILImage, picture_format: PictureFormat) -> bytes:
    """The picture as a file: PNG without loss, JPEG at quality 90."""
    buffer = io.BytesIO()
    picture.save(buffer, format=picture_format, quality=_JPEG_QUALITY)
    return buffer.getvalue()
