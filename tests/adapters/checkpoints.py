"""What the published checkpoints' preprocessor_config.json and processor_config.json say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Load = Callable[[str], Any]
"""config.model_type -> a processor of a tiny model."""


@dataclass(frozen=True)
class Checkpoint:
    """How the attributes of a processor and of its image processor differ from a tiny model's."""

    model_type: str
    of_processor: dict[str, Any] = field(default_factory=dict)
    of_pictures: dict[str, Any] = field(default_factory=dict)

    def configured(self, load: Load) -> Any:
        processor = load(self.model_type)
        for key, value in self.of_processor.items():
            setattr(processor, key, value)
        for key, value in self.of_pictures.items():
            setattr(processor.image_processor, key, value)
        return processor


def square(side_px: int) -> dict[str, int]:
    return {"height": side_px, "width": side_px}


def between(least_px: int, most_px: int) -> dict[str, dict[str, int]]:
    return {"size": {"shortest_edge": least_px, "longest_edge": most_px}}


def long_sides(scaled_px: int, tile_px: int) -> dict[str, dict[str, int]]:
    return {"size": {"longest_edge": scaled_px}, "max_image_size": {"longest_edge": tile_px}}


_CLIP = {"size": {"shortest_edge": 336}, "crop_size": square(336)}
_NEXT_GRIDS = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
_ONEVISION_GRIDS = [[height, width] for height in range(384, 2305, 384) for width in range(384, 2305, 384)]
_GEMMA3_PICTURE = f"\n\n<start_of_image>{256 * '<image_soft_token>'}<end_of_image>\n\n"

CHECKPOINTS: dict[str, Checkpoint] = {
    "llava-1.5": Checkpoint("llava", {}, _CLIP),
    "llava-next": Checkpoint("llava_next", {}, {**_CLIP, "image_grid_pinpoints": _NEXT_GRIDS}),
    "llava-onevision": Checkpoint(
        "llava_onevision", {"num_image_tokens": 729}, {"size": square(384), "image_grid_pinpoints": _ONEVISION_GRIDS}
    ),
    "qwen2-vl": Checkpoint("qwen2_vl", {}, between(3136, 12_845_056)),
    "qwen2.5-vl": Checkpoint("qwen2_5_vl", {}, between(3136, 12_845_056)),
    "qwen3-vl": Checkpoint("qwen3_vl", {}, between(65_536, 16_777_216)),
    "smolvlm": Checkpoint("smolvlm", {"image_seq_len": 81}, long_sides(1536, 384)),
    "smolvlm-500m": Checkpoint("smolvlm", {"image_seq_len": 64}, long_sides(2048, 512)),
    "idefics3": Checkpoint("idefics3", {"image_seq_len": 169}, long_sides(1456, 364)),
    "internvl": Checkpoint("internvl", {"image_seq_length": 256}, {"size": square(448)}),
    "gemma3": Checkpoint("gemma3", {"image_seq_length": 256, "full_image_sequence": _GEMMA3_PICTURE}),
}
"""By the names of `families.PUBLISHED`."""
