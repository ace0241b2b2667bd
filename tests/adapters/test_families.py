"""Counters against the real processors: what they say is what stands in `input_ids`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from semclip.adapters.families import FAMILIES, GENERIC, PUBLISHED, counter, family_of, placeholder_id
from semclip.errors import InputError
from semclip.geometry import Size
from tests.adapters.checkpoints import CHECKPOINTS, Checkpoint, Load, square

# The mixture of experts differs from qwen3_vl in its text model alone.
NAMES = [name for name in FAMILIES if name != "qwen3_vl_moe"]

# Thinner strips are enlarged to megapixels by processors that look at the short side.
sizes = st.builds(Size, st.integers(1, 3000), st.integers(1, 3000)).filter(
    lambda size: size.area < 500_000 and max(size.width, size.height) <= 60 * min(size.width, size.height)
)


def in_prompt(processor: Any, pictures: list[Size], options: Mapping[str, Any] | None = None) -> int:
    """How many placeholders a model would be given for blank pictures of these sizes and a question."""
    blanks = [Image.new("RGB", (size.width, size.height)) for size in pictures]
    content = [*({"type": "image", "image": blank} for blank in blanks), {"type": "text", "text": "What number?"}]
    encoded = processor.apply_chat_template(
        [[{"role": "user", "content": content}]],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs=dict(options or {}),
    )
    return int((encoded["input_ids"] == placeholder_id(processor)).sum())


@pytest.mark.parametrize("name", NAMES)
def test_the_placeholder_is_the_one_that_the_model_looks_for(name: str, vlm_folder: Callable[[str], Path]) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.from_pretrained(vlm_folder(name))
    assert family_of(config.model_type) is FAMILIES[name]
    assert placeholder_id(transformers.AutoProcessor.from_pretrained(vlm_folder(name))) == config.image_token_id


@pytest.mark.parametrize("tiling", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_counters_equal_what_is_in_the_prompt(name: str, tiling: bool, load: Load) -> None:
    processor, family = load(name), FAMILIES[name]
    count = counter(processor, family, tiling=tiling)
    options = {} if tiling else family.untiled

    @settings(max_examples=25)
    @given(st.lists(sizes, min_size=1, max_size=4))
    @example([Size(1920, 1080)])
    @example([Size(1024, 768), Size(300, 300), Size(448, 100)])
    @example([Size(1, 1)])
    @example([Size(2999, 16)])
    @example([Size(280, 112)])
    @example([Size(82, 82)])
    def equal(pictures: list[Size]) -> None:
        assert count(pictures) == in_prompt(processor, pictures, options)

    equal()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gemma3" and FAMILIES[name].untiled])
def test_without_tiling_every_picture_costs_the_same(name: str, load: Load) -> None:
    count = counter(load(name), FAMILIES[name], tiling=False)
    assert count([Size(1920, 1080)]) == count([Size(20, 30)]) == 4
    assert counter(load(name), FAMILIES[name], tiling=True)([Size(1920, 1080)]) > 4


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("llava", {}, {"crop_size": square(84)}),
    ("llava", {"num_additional_image_tokens": 0, "vision_feature_select_strategy": "full"}, {}),
    ("llava", {}, {"do_center_crop": False, "size": square(112)}),
    ("llava", {}, {"do_center_crop": False}),
    ("llava_next", {}, {"image_grid_pinpoints": [[56, 224], [224, 56]]}),
    ("llava_next", {"num_additional_image_tokens": 0, "vision_feature_select_strategy": "full"}, {}),
    ("llava_next", {"num_additional_image_tokens": 0}, {}),
    ("llava_onevision", {"vision_aspect_ratio": "anyres_max_4"}, {}),
    ("llava_onevision", {"vision_feature_select_strategy": "default"}, {}),
    ("qwen2_vl", {}, {"size": {"shortest_edge": 5000, "longest_edge": 100_001}}),
    ("qwen3_vl", {}, {"merge_size": 1, "size": {"shortest_edge": 1024, "longest_edge": 51_200}}),
    ("smolvlm", {}, {"size": {"longest_edge": 97}}),
    ("smolvlm", {"image_seq_len": 7}, {"do_image_splitting": False}),
    ("idefics3", {}, {"do_resize": False}),
    ("internvl", {}, {"min_patches": 3, "max_patches": 7}),
    ("internvl", {"images_kwargs": {"crop_to_patches": False}, "image_seq_length": 9}, {}),
    ("internvl", {}, {"size": {"height": 56, "width": 28}}),
    (
        "gemma3",
        {"images_kwargs": {"do_pan_and_scan": True}},
        {
            "pan_and_scan_min_crop_size": 16,
            "pan_and_scan_max_num_crops": 4,
            "pan_and_scan_min_ratio_to_activate": 1.2,
        },
    ),
]


@pytest.mark.parametrize(("name", "of_processor", "of_pictures"), CHANGES)
def test_counters_follow_the_processor_s_own_configuration(
    name: str, of_processor: dict[str, Any], of_pictures: dict[str, Any], load: Load
) -> None:
    processor = Checkpoint(name, of_processor, of_pictures).configured(load)
    count = counter(processor, FAMILIES[name], tiling=True)
    for size in (Size(640, 480), Size(100, 333), Size(64, 64), Size(388, 102), Size(4000, 20)):
        assert count([size]) == in_prompt(processor, [size])


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counters_are_those_of_the_published_checkpoints(name: str, load: Load) -> None:
    checkpoint, published = CHECKPOINTS[name], PUBLISHED[name]
    processor = checkpoint.configured(load)
    assert published.family is FAMILIES[checkpoint.model_type]
    for pictures in ([Size(1018, 1440)], [Size(200, 200)], [Size(640, 480), Size(449, 448)], [Size(13, 999)]):
        assert published.count(pictures) == in_prompt(processor, pictures)


@pytest.mark.parametrize(
    ("family", "advice"),
    [(FAMILIES["qwen2_vl"], "pad or cut it, or ask with k of at least 1"), (GENERIC, "resize them")],
)
def test_a_size_that_the_processor_refuses_is_an_error(family: Any, advice: str, load: Load) -> None:
    with pytest.raises(InputError, match=f"3000x10.*; {advice}"):
        counter(load("qwen2_vl"), family, tiling=True)([Size(3000, 10)])


@pytest.mark.parametrize("name", ["llava_onevision", "gemma3", "internvl"])
def test_a_family_that_is_not_known_is_measured(name: str, load: Load) -> None:
    processor = load(name)
    measured = counter(processor, family_of("a model of tomorrow"), tiling=True)
    known = counter(processor, FAMILIES[name], tiling=True)
    for pictures in ([], [Size(640, 480)], [Size(640, 480), Size(30, 20)]):
        assert measured(pictures) == known(pictures)


def test_without_a_placeholder_nothing_is_guessed(load: Load) -> None:
    processor = load("llava")
    processor.image_token_id = None
    with pytest.raises(InputError, match="LlavaProcessor has none"):
        counter(processor, GENERIC, tiling=True)
