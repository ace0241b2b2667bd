"""A process that decodes each path it is sent, and says on one line of JSON how that went."""

from __future__ import annotations

import json
import resource
import sys
import time

from semclip.errors import ImageError
from semclip.geometry import Size
from semclip.images import load
from tests.images.files import encoded, picture


def outcome(path: str) -> str:
    try:
        image = load(path)
        image.to_pil()
        image.resized(Size(16, 16))
    except ImageError as error:
        return f"{type(error).__name__}: {error}"
    return "decoded"


def serve() -> None:
    good = encoded(picture(), "PNG")
    for line in sys.stdin:
        start = time.perf_counter()
        result = outcome(line.rstrip("\n"))
        took_s = time.perf_counter() - start
        served = load(good).to_pil().size == picture().size
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps({"result": result, "s": took_s, "peak_mb": peak_mb, "served": served}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
