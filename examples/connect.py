"""A model behind an OpenAI-compatible server: several questions about one picture, all in flight at once.

    vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt '{"image": 3}'
    python -m examples.connect http://127.0.0.1:8000/v1 Qwen/Qwen2.5-VL-7B-Instruct photo.jpg "Which bus?" "What time?"

The key is read from OPENAI_API_KEY where a server wants one. Needs the extra [openai].
"""

from __future__ import annotations

import argparse
import asyncio

import semclip


async def main() -> None:
    """Nothing; prints every answer in the order of the questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base_url", "model", "image"):
        parser.add_argument(name)
    parser.add_argument("questions", nargs="+")
    arguments = parser.parse_args()

    vlm = semclip.connect(arguments.base_url, model=arguments.model)
    asked = [vlm.ask_async(arguments.image, question, k=2, max_tokens=64) for question in arguments.questions]
    for question, answer in zip(arguments.questions, await asyncio.gather(*asked), strict=True):
        print(f"{question} {answer.text}")
        for note in answer.notes:
            print(f"  {note}")


if __name__ == "__main__":
    asyncio.run(main())
