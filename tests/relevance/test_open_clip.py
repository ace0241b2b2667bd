"""The open_clip backend against open_clip's own path from picture to logits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from semclip.errors import ModelError
from semclip.geometry import Box
from semclip.relevance.open_clip import load
from semclip.types import Floats
from tests.fakes import ArrayPicture
from tests.relevance import tiny

KINDS = ("open_clip", "open_clip_bias")
WEIGHTS = "open_clip_model.safetensors"


def own_logits(folder: Path, picture: ArrayPicture, boxes: list[Box], question: str) -> Floats:
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    images = torch.stack([preprocess(Image.fromarray(picture.crop(box))) for box in boxes])
    with torch.inference_mode():
        logits, _ = model.eval().get_logits(images, open_clip.get_tokenizer(f"local-dir:{folder}")([question]))
    scores: Floats = logits[:, 0].numpy()
    return scores


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(models / "open_clip", tmp_path / "copy"))


@pytest.mark.parametrize("side_px", [tiny.SIDE_PX, 48])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_logits_of_open_clip(models: Path, kind: str, side_px: int) -> None:
    picture = tiny.noise(96, 64)
    boxes = tiny.windows(picture, side_px)
    psi = load(f"local-dir:{models / kind}", dtype=torch.float32, batch_size=4)
    regions = psi.embed(picture, boxes)
    for question in tiny.QUESTIONS:
        scores = psi.score(question, regions)
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, own_logits(models / kind, picture, boxes, question), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_close_to_float32(models: Path, kind: str) -> None:
    spec = f"local-dir:{models / kind}"
    picture = tiny.noise(96, 64)
    boxes = tiny.windows(picture, tiny.SIDE_PX)
    exact, fast = (load(spec, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    regions, fast_regions = exact.embed(picture, boxes), fast.embed(picture, boxes)
    assert (regions.features * fast_regions.features).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(
        fast.score("the red car", fast_regions), exact.score("the red car", regions), atol=0.02 * exact.logit_scale
    )


def test_the_name_is_the_one_asked_for_and_the_fingerprint_knows_no_path(models: Path, folder: Path) -> None:
    psi, copy = load(f"local-dir:{models / 'open_clip'}"), load(f"local-dir:{folder}")
    assert psi.name == f"open_clip:local-dir:{models / 'open_clip'}"
    assert psi.fingerprint == copy.fingerprint


def test_the_fingerprint_knows_the_activation(models: Path, folder: Path) -> None:
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = True
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    assert load(f"local-dir:{folder}").fingerprint != load(f"local-dir:{models / 'open_clip'}").fingerprint


def test_patches_are_dropped_in_training_only(tmp_path: Path) -> None:
    vision = {"image_size": 32, "layers": 1, "width": 32, "patch_size": 8, "head_width": 16, "patch_dropout": 0.5}
    psi = load(f"local-dir:{tiny.save_open_clip(tmp_path / 'dropping', vision_cfg=vision)}")
    picture = tiny.noise(64, 64)
    first, second = (psi.embed(picture, [picture.size.box]).features for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_whole_question_is_read(models: Path) -> None:
    psi = load(f"local-dir:{models / 'open_clip'}", dtype=torch.float32)
    picture = tiny.noise(64, 64)
    regions = psi.embed(picture, [picture.size.box])
    assert psi.score("the red car", regions) != psi.score("Where is the red car?", regions)


def test_a_weight_that_is_missing_unknown_misshapen_or_not_finite_is_refused(folder: Path) -> None:
    whole = load_file(folder / WEIGHTS)
    key = "visual.ln_post.weight"
    rest = {name: values for name, values in whole.items() if name != key}
    for weights in (
        rest,
        {**whole, "extra": torch.ones(1)},
        {**whole, key: torch.ones(3)},
        {**whole, key: torch.full((32,), torch.nan)},
    ):
        save_file(weights, folder / WEIGHTS)
        with pytest.raises(ModelError, match="open_clip:local-dir:") as failure:
            load(f"local-dir:{folder}")
        assert "\n" not in str(failure.value)


@pytest.mark.parametrize("file", [WEIGHTS, "open_clip_config.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x80\x04garbage"])
def test_a_folder_with_a_broken_or_missing_file_is_refused(folder: Path, file: str, content: bytes | None) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match="could not be loaded") as failure:
        load(f"local-dir:{folder}")
    assert failure.value.__cause__ is not None
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    "spec", ["local-dir:/no/such/folder", "local-dir:", "hf-hub:nobody/nothing", "ViT-B-32/no_tag"]
)
def test_what_is_not_there_is_named(spec: str) -> None:
    with pytest.raises(ModelError, match=f"^open_clip:{spec} could not be loaded") as failure:
        load(spec)
    assert failure.value.__cause__ is not None


@pytest.mark.parametrize("spec", ["NoModel/openai", "NoModel"])
def test_a_model_that_open_clip_does_not_know_is_named(spec: str) -> None:
    with pytest.raises(ModelError, match=f"^open_clip:{spec} needs a model that open_clip knows, got NoModel"):
        load(spec)


def test_a_model_without_its_tag_lists_the_tags() -> None:
    with pytest.raises(ModelError, match=r"ViT-B-32/PRETRAINED needs .*openai"):
        load("ViT-B-32")


def test_nothing_is_printed_to_stdout(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(f"local-dir:{models / 'open_clip'}")
    assert capfd.readouterr().out == ""
