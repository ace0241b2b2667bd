"""What all pretrained dual encoders share, on towers small enough to read."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.protocols import Relevance
from semclip.relevance.towers import (
    DualEncoder,
    Preprocess,
    Towers,
    choose_settings,
    dual_encoder,
    fingerprint,
)
from semclip.types import Pixels, Regions
from tests.fakes import ArrayPicture

CPU = torch.device("cpu")
PREPROCESS = Preprocess(Size(2, 2), mean=(0.5, 0.0, 0.0), std=(0.5, 1.0, 1.0))
COLORS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8).repeat(3, axis=0)
COLUMNS = [Box(0, 0, 1, 3), Box(1, 0, 2, 3), Box(2, 0, 3, 3)]


class MeanColor(nn.Module):
    """Both towers: an image is the mean of its channels, a text names one channel."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(10)))
        self.logit_bias = nn.Parameter(torch.tensor([-3.0]))

    def encode_images(self, pixels: Tensor) -> Tensor:
        return self.gain * pixels.mean((2, 3))

    def encode_text(self, ids: Tensor) -> Tensor:
        return nn.functional.one_hot(ids[0], 3)


def tokenize(text: str) -> Tensor:
    return torch.tensor([[("red", "green", "blue").index(text)]])


def encoder(model: MeanColor | None = None, *, batch_size: int = 2, dtype: torch.dtype = torch.float32) -> DualEncoder:
    model = model or MeanColor()
    towers = Towers(model, PREPROCESS, model.encode_images, tokenize, model.encode_text, architecture={})
    settings = choose_settings(CPU, dtype, batch_size=batch_size)
    return dual_encoder("mean color", towers, settings=settings)


@dataclass(frozen=True, eq=False)
class Counted(ArrayPicture):
    """Notes how many crops are asked for at a time, and hands them out read-only."""

    batches: list[int] = field(default_factory=list)

    def crops(self, boxes: Sequence[Box], size: Size, /) -> Pixels:
        self.batches.append(len(boxes))
        crops = super().crops(boxes, size)
        crops.flags.writeable = False
        return crops


def test_scores_are_the_scaled_and_shifted_cosines() -> None:
    psi: Relevance = encoder()
    regions = psi.embed(ArrayPicture(COLORS), COLUMNS)
    # Red, normalised, is (1, 0, 0); green (-1, 1, 0); blue (-1, 0, 1).
    np.testing.assert_allclose(psi.score("red", regions), 10 * np.array([1, -(0.5**0.5), -(0.5**0.5)]) - 3, rtol=1e-5)
    np.testing.assert_allclose(psi.score("blue", regions), 10 * np.array([0, 0, 0.5**0.5]) - 3, rtol=1e-5)


def test_crops_are_taken_in_batches_and_may_be_read_only() -> None:
    picture = Counted(COLORS)
    encoder(batch_size=2).embed(picture, COLUMNS)
    assert picture.batches == [2, 1]


def test_boxes_of_any_shape_are_squashed_to_the_input() -> None:
    picture = ArrayPicture(COLORS)
    regions = encoder().embed(picture, [Box(0, 0, 1, 1), Box(0, 0, 1, 3)])
    np.testing.assert_array_equal(regions.features[0], regions.features[1])


def test_an_encoder_without_bias_has_none() -> None:
    model = MeanColor()
    del model.logit_bias
    assert encoder(model).logit_bias == 0


def test_no_boxes_and_no_batch_are_input_errors() -> None:
    with pytest.raises(InputError, match="at least one box"):
        encoder().embed(ArrayPicture(COLORS), [])
    with pytest.raises(InputError, match="at least 1, got 0"):
        encoder(batch_size=0)


def test_regions_of_another_encoder_are_refused() -> None:
    regions = encoder().embed(ArrayPicture(COLORS), COLUMNS)
    with pytest.raises(InputError, match="embed them again"):
        encoder(MeanColor(gain=2.0)).score("red", regions)


def test_a_dense_grid_is_refused() -> None:
    psi = encoder()
    dense = Regions(Size(3, 3), (Box(0, 0, 1, 1),), np.ones((4, 3)), psi.fingerprint, grid=Size(2, 2))
    with pytest.raises(InputError, match="dense grid of 2x2"):
        psi.score("red", dense)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ModelError, match=r"finite weights.* gain"):
        encoder(MeanColor(gain=value))


def test_features_that_are_not_finite_are_refused() -> None:
    psi = encoder(MeanColor(gain=1e6), dtype=torch.float16)
    with pytest.raises(ModelError, match=r"not finite in torch.float16; try float32"):
        psi.embed(ArrayPicture(COLORS), COLUMNS)


def test_the_fingerprint_tells_weights_dtype_and_constants_apart_and_nothing_else() -> None:
    towers = encoder().towers
    brighter = replace(towers, preprocess=replace(PREPROCESS, std=(1.0, 1.0, 1.0)))
    settings = choose_settings(CPU, torch.float32, batch_size=1)
    made = [
        encoder().fingerprint,
        encoder(MeanColor(gain=1.001)).fingerprint,
        encoder(dtype=torch.bfloat16).fingerprint,
        dual_encoder("other constants", brighter, settings=settings).fingerprint,
        dual_encoder("other activation", replace(towers, architecture={"act": "gelu"}), settings=settings).fingerprint,
    ]
    assert len(set(made)) == len(made)
    assert encoder(batch_size=7).fingerprint == made[0]


def test_the_fingerprint_sees_names_and_shapes() -> None:
    values = torch.arange(6.0)
    headers = [{"a": values}, {"b": values}, {"a": values.reshape(2, 3)}, {"a": values.double()}]
    assert len({fingerprint(weights, {}) for weights in headers}) == len(headers)


def test_the_model_is_put_in_evaluation_mode() -> None:
    assert not encoder(MeanColor().train()).towers.model.training


@pytest.mark.parametrize(
    ("module", "missing"), [("open_clip", "open_clip"), ("hf", "transformers"), ("hf", "torch"), ("open_clip", "torch")]
)
def test_a_missing_library_names_the_extra(module: str, missing: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; import semclip.relevance.{module}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = run.stderr.splitlines()[-1]
    assert last == f'semclip.errors.MissingExtra: {missing} is not installed; run: pip install "semclip[torch]"'
