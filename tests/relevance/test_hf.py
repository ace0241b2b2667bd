"""The transformers backend against transformers' own path from picture to logits."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from semclip.errors import ModelError
from semclip.geometry import Box, Size
from semclip.relevance.hf import load
from semclip.types import Floats
from tests.fakes import ArrayPicture
from tests.relevance import tiny

KINDS = ("clip", "siglip", "siglip2")
WEIGHTS = "model.safetensors"


def own_logits(folder: Path, picture: ArrayPicture, boxes: list[Box], question: str) -> Floats:
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    crops = [Image.fromarray(picture.crop(box)) for box in boxes]
    images = AutoImageProcessor.from_pretrained(folder)(images=crops, return_tensors="pt")
    clip = model.config.model_type == "clip"
    # As transformers documents it for SigLIP: full length and lower case.
    text = AutoTokenizer.from_pretrained(folder)(
        [question if clip else question.lower()],
        padding=True if clip else "max_length",
        truncation=True,
        max_length=model.config.text_config.max_position_embeddings,
        return_tensors="pt",
    )
    with torch.inference_mode():
        scores: Floats = model(**images, **text).logits_per_image[:, 0].numpy()
    return scores


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(models / "siglip", tmp_path / "copy"))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_logits_of_transformers(models: Path, kind: str) -> None:
    picture = tiny.noise(96, 64)
    boxes = tiny.windows(picture, tiny.SIDE_PX)
    psi = load(str(models / kind), dtype=torch.float32, batch_size=4)
    regions = psi.embed(picture, boxes)
    for question in tiny.QUESTIONS:
        scores = psi.score(question, regions)
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, own_logits(models / kind, picture, boxes, question), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_resized_crops_score_as_with_the_resizing_of_transformers(models: Path, kind: str) -> None:
    picture = ArrayPicture(tiny.noise(12, 8).resized(Size(96, 64)))
    boxes = [*tiny.windows(picture, 24), *tiny.windows(picture, 48)]
    psi = load(str(models / kind), dtype=torch.float32)
    scores = psi.score("the red car", psi.embed(picture, boxes))
    # SigLIP 2 resizes bilinearly where the picture does bicubically.
    np.testing.assert_allclose(scores, own_logits(models / kind, picture, boxes, "the red car"), atol=0.02)
    assert np.ptp(scores) > 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_single_boxes_give(models: Path, kind: str) -> None:
    picture = tiny.noise(96, 64)
    boxes = tiny.windows(picture, 40)
    batched = load(str(models / kind), dtype=torch.float32, batch_size=5).embed(picture, boxes)
    single = load(str(models / kind), dtype=torch.float32, batch_size=1).embed(picture, boxes)
    np.testing.assert_allclose(batched.features, single.features, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(batched.features, axis=1), 1, atol=1e-5)
    assert batched.encoder == single.encoder


def test_permuting_boxes_permutes_rows(models: Path) -> None:
    psi = load(str(models / "clip"), dtype=torch.float32)
    picture = tiny.noise(80, 64)
    boxes = tiny.windows(picture, 32)
    features = psi.embed(picture, boxes).features

    @settings(max_examples=10, deadline=None)
    @given(st.permutations(range(len(boxes))))
    def check(order: list[int]) -> None:
        permuted = psi.embed(picture, [boxes[i] for i in order])
        np.testing.assert_allclose(permuted.features, features[order], atol=1e-5)

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_close_to_float32_and_keeps_the_exact_scale(models: Path, kind: str) -> None:
    picture = tiny.noise(96, 64)
    boxes = tiny.windows(picture, 32)
    exact, fast = (load(str(models / kind), dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    assert next(fast.towers.model.parameters()).dtype == torch.bfloat16
    cosines = (exact.embed(picture, boxes).features * fast.embed(picture, boxes).features).sum(axis=1)
    assert cosines.min() > 0.999
    assert (fast.logit_scale, fast.logit_bias) == (exact.logit_scale, exact.logit_bias)
    assert fast.fingerprint != exact.fingerprint


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_what_the_cpu_gives(models: Path) -> None:
    picture = tiny.noise(96, 64)
    boxes = tiny.windows(picture, 32)
    found, cpu = (load(str(models / "clip"), dtype=torch.float32, device=device) for device in (None, "cpu"))
    assert found.settings.device.type == "cuda"
    np.testing.assert_allclose(found.embed(picture, boxes).features, cpu.embed(picture, boxes).features, atol=1e-3)


def test_the_fingerprint_knows_no_path_but_the_configuration(models: Path, folder: Path) -> None:
    original = load(str(models / "siglip")).fingerprint
    assert load(str(folder)).fingerprint == original
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["hidden_act"] = "relu"
    (folder / "config.json").write_text(json.dumps(config))
    assert load(str(folder)).fingerprint != original


def test_a_weight_that_is_missing_unknown_misshapen_or_not_finite_is_refused(folder: Path) -> None:
    whole = load_file(folder / WEIGHTS)
    key = "vision_model.post_layernorm.weight"
    rest = {name: values for name, values in whole.items() if name != key}
    for weights in (
        rest,
        {**whole, "extra": torch.ones(1)},
        {**whole, key: torch.ones(3)},
        {**whole, key: torch.full((32,), torch.nan)},
    ):
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        with pytest.raises(ModelError, match=r"^hf:") as failure:
            load(str(folder))
        assert "\n" not in str(failure.value)


def test_position_ids_of_an_old_checkpoint_are_no_flaw(models: Path, folder: Path) -> None:
    old = {f"{tower}_model.embeddings.position_ids": torch.arange(16)[None] for tower in ("text", "vision")}
    save_file({**load_file(folder / WEIGHTS), **old}, folder / WEIGHTS, metadata={"format": "pt"})
    assert load(str(folder)).fingerprint == load(str(models / "siglip")).fingerprint


@pytest.mark.parametrize("file", [WEIGHTS, "config.json", "tokenizer.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [None, b"", b"[]", b"\x80\x04garbage"])
def test_a_folder_with_a_broken_or_missing_file_is_refused(folder: Path, file: str, content: bytes | None) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=r"^hf:.* could not be loaded") as failure:
        load(str(folder))
    assert failure.value.__cause__ is not None
    assert "\n" not in str(failure.value)


def test_pickled_weights_are_never_loaded(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match="could not be loaded"):
        load(str(folder))


def test_code_that_comes_with_a_model_is_neither_run_nor_asked_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.py").write_text("raise SystemExit('ran')")
    (folder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(ModelError, match="could not be loaded"):
        load(str(folder))
    assert capsys.readouterr().out == ""


def test_another_family_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="needs one of the types clip, siglip, siglip2, got bert"):
        load(str(folder))


@pytest.mark.parametrize("spec", ["/no/such/folder", "nobody/nothing"])
def test_what_is_not_there_is_named(spec: str) -> None:
    with pytest.raises(ModelError, match=f"^hf:{spec} could not be loaded") as failure:
        load(spec)
    assert failure.value.__cause__ is not None


def test_nothing_is_printed_to_stdout(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(str(models / "clip"))
    assert capfd.readouterr().out == ""
