"""The only reader of pixels: files, bytes, PIL pictures and arrays become an `Image`, within `Limits`."""

from semclip.images.image import Image, ImageSource, load
from semclip.images.limits import Limits

__all__ = ["Image", "ImageSource", "Limits", "load"]
