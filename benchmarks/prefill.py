"""What selecting costs beside the model that it selects for: LLaVA-1.5-7B's prefill, at its real widths.

The weights are random: speed does not depend on their values. A 7B model need not fit into memory: one decoder layer is
timed, and the published model has 32 of its shape. Several pictures are read one after the other, 576 tokens each.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.prepare import PHOTO, photo
from benchmarks.speed import QUESTION, in_turn, jpeg, show
from semclip import SemClip
from semclip.relevance.embedded import load as load_embedded

LAYERS = 32
TOKENS_PER_PICTURE = 576
TEXT_TOKENS = 40
TURNS = 3


def main() -> None:
    """Print these two figures alone."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    measure_prefill(jpeg(photo(PHOTO)))


def measure_prefill(encoded: bytes) -> None:
    """Selection against one overview prefill, and overview + 2 crops against AnyRes' five pictures."""
    relevance = load_embedded()
    selection_s, overview_s, ours_s, anyres_s = timed(
        lambda: SemClip(relevance).select(encoded, QUESTION), pictures=(1, 3, 5)
    )
    show("embedded selection / one overview prefill of LLaVA-1.5-7B", selection_s, overview_s, digits=3)
    show("selection + overview + 2 crops / AnyRes, five pictures", selection_s + ours_s, anyres_s, digits=3)


def timed(select: Callable[[], object], *, pictures: Sequence[int]) -> list[float]:
    """Seconds of `select`, then of a whole prefill with each number of pictures, all in turn."""
    vision, layer = _vision(), _layer()
    calls = [select]
    for count in pictures:
        calls += [_see(vision, count), _read(layer, count)]
    first, *rest = in_turn(*calls, turns=TURNS)
    return [first, *(see_s + LAYERS * read_s for see_s, read_s in zip(rest[::2], rest[1::2], strict=True))]


def _vision() -> Any:
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=336,
        patch_size=14,
    )
    return CLIPVisionModel(config).eval().to(torch.bfloat16)


def _layer() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        hidden_size=4096, intermediate_size=11008, num_attention_heads=32, num_hidden_layers=1, vocab_size=1000
    )
    return LlamaModel(config).eval().to(torch.bfloat16)


def _see(vision: Any, pictures: int) -> Callable[[], object]:
    import torch

    pixels = torch.zeros(pictures, 3, 336, 336, dtype=torch.bfloat16)

    def once() -> Any:
        with torch.inference_mode():
            return vision(pixel_values=pixels)

    return once


def _read(decoder: Any, pictures: int) -> Callable[[], object]:
    import torch

    embedded = torch.zeros(1, TOKENS_PER_PICTURE * pictures + TEXT_TOKENS, 4096, dtype=torch.bfloat16)

    def once() -> Any:
        with torch.inference_mode():
            return decoder(inputs_embeds=embedded)

    return once


if __name__ == "__main__":
    main()
