"""A model and processor that your program has in memory already, with and without the magnifying glass.

    python -m examples.wrap llava-hf/llava-1.5-7b-hf photo.jpg "What number is on the bus?"

The model may be a hub id or a folder. Needs the extra [torch].
"""

from __future__ import annotations

import argparse

from transformers import AutoModelForImageTextToText, AutoProcessor

import semclip


def main() -> None:
    """Nothing; prints both answers and what they cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "image", "question"):
        parser.add_argument(name)
    arguments = parser.parse_args()

    model = AutoModelForImageTextToText.from_pretrained(arguments.model, dtype="auto").eval()
    processor = AutoProcessor.from_pretrained(arguments.model)

    # This line is semclip; model and processor stay as they are.
    vlm = semclip.wrap(model, processor)

    for k in (0, 2):
        answer = vlm.ask(arguments.image, arguments.question, k=k, max_tokens=64)
        print(f"with {k} crops, {answer.usage.visual_tokens} visual tokens: {answer.text}")


if __name__ == "__main__":
    main()
