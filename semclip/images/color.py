"""Any mode that Pillow decodes to, rendered as 8-bit sRGB on white.

Rules: an embedded profile is honoured, a broken one ignored; 16-bit values span 0 to 65535; whole numbers of 32 bits
and floats span the smallest of 0..1, 0..255 and 0..65535 that holds them all, else their own range, and what is no
number is black.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image as pillow
from PIL import ImageCms
from PIL.Image import Image as PILImage

from semclip.types import Floats, Pixels

_BAND_PIXELS = 1 << 20
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_SPANS = ((0.0, 1.0), (0.0, 255.0), (0.0, 65_535.0))
_SAME_COLOR = 2
"""Channel difference, of 255, below which a profile is taken for sRGB and left alone."""


def to_srgb(image: PILImage) -> PILImage:
    """`image` as RGB: itself where it is that already, else a new picture."""
    transform = _transform(image)
    if image.mode == "RGB" and transform is None and not image.has_transparency_data:
        return image
    span = _span(image)
    rendered = pillow.new("RGB", image.size)
    for top, band in _bands(image):  # in bands, so that a large picture is not held in every form at once
        rendered.paste(_render(band, span, transform), (0, top))
    return rendered


def _bands(image: PILImage) -> Iterator[tuple[int, PILImage]]:
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))


def _render(band: PILImage, span: tuple[float, float] | None, transform: ImageCms.ImageCmsTransform | None) -> PILImage:
    if span is not None:
        band = pillow.fromarray(_as_bytes(np.asarray(band, np.float64), span))
    alpha = None
    if band.has_transparency_data:
        band = band.convert("RGBA")
        alpha = band.getchannel("A")
    band = band.convert(_base_mode(band.mode))
    colors = band.convert("RGB") if transform is None else ImageCms.applyTransform(band, transform)
    if colors is None:
        raise ValueError("the colour transform gave nothing")
    if alpha is None:
        return colors
    return pillow.composite(colors, pillow.new("RGB", band.size, "white"), alpha)


def _as_bytes(values: Floats, span: tuple[float, float]) -> Pixels:
    low, high = span
    finite = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    return np.round((finite - low) * (255.0 / (high - low))).astype(np.uint8)


def _span(image: PILImage) -> tuple[float, float] | None:
    """The values that become black and white; None where a channel has 8 bits or fewer."""
    if image.mode.startswith("I;16"):
        return _SPANS[-1]
    if image.mode not in ("I", "F"):
        return None
    low, high = np.inf, -np.inf
    for _, band in _bands(image):
        values = np.asarray(band, np.float64)
        values = values[np.isfinite(values)]
        low = min(low, float(values.min(initial=np.inf)))
        high = max(high, float(values.max(initial=-np.inf)))
    own = low, max(high, float(np.nextafter(low, np.inf)))
    return next((span for span in _SPANS if span[0] <= low and high <= span[1]), own)


def _base_mode(mode: str) -> str:
    """The nearest mode that a profile can describe."""
    if mode in ("L", "1"):
        return "L"
    return mode if mode in ("CMYK", "LAB") else "RGB"


def _transform(image: PILImage) -> ImageCms.ImageCmsTransform | None:
    """From the picture's colours to sRGB; None where that changes nothing or cannot be known."""
    mode = "L" if image.mode in ("I", "F", "LA", "La") or image.mode.startswith("I;16") else _base_mode(image.mode)
    fallback = _build(_LAB, mode) if mode == "LAB" else None
    profile = image.info.get("icc_profile")
    if not profile or (mode == "L" and image.has_transparency_data):
        return fallback  # grey with alpha is rendered through RGB, which a grey profile does not describe
    try:
        transform = _build(ImageCms.ImageCmsProfile(BytesIO(profile)), mode)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return fallback
    return None if mode == "RGB" and _changes_nothing(transform) else transform


def _build(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(profile, _SRGB, mode, "RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a lattice of colours comes out as it went in."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    out = np.asarray(ImageCms.applyTransform(pillow.fromarray(lattice), transform))
    return int(np.abs(out.astype(int) - lattice).max()) <= _SAME_COLOR
