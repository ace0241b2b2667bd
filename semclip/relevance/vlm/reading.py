"""What the three ψ share: pictures as the model is shown them, passes through it, and what tells two models apart.

Knows torch and the adapter of a model in memory; nothing of how a pass becomes a score.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from semclip.adapters.budget import centred, crop_room, framed, overview_room
from semclip.adapters.chat.generation import out_of_memory
from semclip.adapters.families import GENERIC
from semclip.adapters.fusion import framed_picture
from semclip.errors import InputError, MissingExtra, ModelError, OutOfMemory, SemclipError, reason
from semclip.geometry import Box, Size
from semclip.types import Picture, Regions

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "torch", extra="torch") from missing

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from semclip.adapters.chat import ChatAdapter

Item = TypeVar("Item")

SAMPLED = 64
"""Values of each weight that its model's fingerprint reads, spread evenly: every layer tells, and 7B cost no second."""


def overview(picture: Picture, adapter: ChatAdapter) -> PILImage:
    """The whole picture as the model's family is shown one: shrunk, and padded where the processor would cut it."""
    style = adapter.style
    return framed_picture(picture, None, overview_room(picture.size, style.overview_px, square=style.square).largest)


def close_up(picture: Picture, box: Box, adapter: ChatAdapter) -> PILImage:
    """The pixels of a box as the model's family is shown a crop, resized and padded by its style."""
    style = adapter.style
    return framed_picture(picture, box, crop_room(box.size, style.crop_px, square=style.square).largest)


def frame(size: Size, square: bool) -> tuple[Size, Box]:
    """The size of a picture of `size` with its padding, and where in it the picture lies: in the middle.

    >>> frame(Size(40, 30), square=True)
    (Size(width=40, height=40), Box(left=0, top=5, right=40, bottom=35))
    """
    padded = framed(size, square)
    return padded, centred(size, padded)


def picture_of(regions: Regions, psi: str) -> Picture:
    """The picture that `regions` hold. Raises: InputError where they hold none."""
    if regions.picture is None:
        raise InputError(f"psi {psi} looks again with the question in hand: it needs regions with their picture")
    return regions.picture


@contextmanager
def passes(adapter: ChatAdapter, psi: str) -> Iterator[None]:
    """A block in which the model is ours alone, without gradients; what it raises becomes one line of ModelError."""
    if adapter.model.training:
        raise InputError(f"psi {psi} needs {adapter.name} in evaluation mode, got training mode; call model.eval()")
    try:
        with torch.inference_mode(), adapter.turn:
            yield
    except SemclipError:
        raise
    # Processors and models of any family share no narrower base class.
    except Exception as error:
        if out_of_memory(error):
            raise OutOfMemory(
                f"psi {psi} ran {adapter.name} out of memory; lower batch_size or show smaller pictures"
            ) from error
        raise ModelError(
            f"psi {psi} could not run {adapter.name} ({reason(error)}); check model and processor"
        ) from error


def finite(values: Tensor, psi: str) -> Tensor:
    """The same values. Raises: ModelError where one is no finite number."""
    if not values.isfinite().all():
        raise ModelError(f"psi {psi} got numbers from its model that are not finite; load it in bfloat16 or float32")
    return values


def fingerprint(adapter: ChatAdapter, header: Mapping[str, Any]) -> str:
    """The hex hash of the header, the model's family, configurations and template, and a sample of every weight.

    What the model is called and where it lies is no part of it.
    """
    processor = adapter.processor
    about = {
        **header,
        "family": adapter.family.title,
        "config": _nameless(adapter.model.config.to_dict()),
        "pixels": processor.image_processor.to_dict(),
        "template": processor.chat_template,
    }
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True, default=str).encode(), digest_size=16)
    for key, values in sorted(adapter.model.state_dict().items()):
        digest.update(f"\n{key} {values.dtype} {list(values.shape)}\n".encode())
        digest.update(_sample(values))
    return digest.hexdigest()


def _nameless(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without the paths that it and its parts were loaded from."""
    return {
        key: _nameless(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if key != "_name_or_path"
    }


def _sample(values: Tensor) -> bytes:
    # Weights that are kept elsewhere and loaded when needed have no values here.
    if values.is_meta:
        return b""
    flat = values.detach().flatten()
    return flat[:: max(1, len(flat) // SAMPLED)].contiguous().view(torch.uint8).cpu().numpy().tobytes()


def batches(items: Sequence[Item], size: int, adapter: ChatAdapter) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time; one by one where it is not known how the family is batched."""
    size = 1 if adapter.family is GENERIC else size
    return (items[start : start + size] for start in range(0, len(items), size))
