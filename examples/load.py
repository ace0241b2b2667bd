"""A model by hub id or folder: the answer as it is written, and a picture of where it looked.

    python -m examples.load Qwen/Qwen2.5-VL-7B-Instruct photo.jpg "What number is on the bus?" overlay.png

Needs the extra [torch]. Options of `from_pretrained` may follow the model: `semclip.load(name, device_map="auto")`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import semclip
from semclip.render import write_overlay


def main() -> None:
    """Nothing; prints the answer and writes the overlay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "image", "question", "overlay"):
        parser.add_argument(name)
    arguments = parser.parse_args()

    # The model itself scores the crops here; leave `using` out for the ψ that comes with semclip.
    vlm = semclip.load(arguments.model).using(psi="vlm:attention")

    stream = vlm.stream(arguments.image, arguments.question, k=2, max_tokens=64)
    for piece in stream:
        print(piece, end="", flush=True)
    print(f"\n{stream.usage.visual_tokens} visual tokens; AnyRes or native resolution: {stream.usage.anyres_tokens}")
    write_overlay(Path(arguments.overlay), stream.selection)


if __name__ == "__main__":
    main()
