"""The recipe of the shipped ψ: canvases tell the truth about their evidence, training learns, exports agree."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recipes.embedded import losses, questions
from recipes.embedded.export import export_image, export_text
from recipes.embedded.model import STRIDE, ImageTower
from recipes.embedded.pictures import COLOURS, Asked, Named, shape, wording
from recipes.embedded.samples import SHAPES, Canvas, Stock, asked_canvas, mask, mosaic
from recipes.embedded.train import Towers, Weights, average, inner_masks, loss_of, rate
from semclip.evaluation.metrics import Bools

torch.set_num_threads(1)
RED = (210, 20, 20)


def red_square_at(left: float, top: float) -> Asked:
    """A grey picture with one red square, asked for."""
    pixels = np.full((300, 400, 3), 120, np.uint8)
    x, y = round(left * 400), round(top * 300)
    pixels[y : y + 60, x : x + 60] = RED
    evidence = (x / 400, y / 300, (x + 60) / 400, (y + 60) / 300)
    return Asked(pixels, ((lambda rng: "the red square", (evidence,)),), mirror=True)


def redness(canvas: Canvas) -> Bools:
    pixels = canvas.pixels.astype(int)
    red: Bools = (pixels[..., 0] - pixels[..., 1:].max(-1)) > 40
    return red


@given(st.integers(0, 10_000), st.sampled_from(SHAPES), st.floats(0, 0.8), st.floats(0, 0.75))
def test_evidence_follows_its_pixels_through_crop_zoom_stretch_and_mirror(
    seed: int, size: tuple[int, int], left: float, top: float
) -> None:
    canvas = asked_canvas(red_square_at(left, top), size, Random(seed))
    red = redness(canvas)
    for _, boxes in canvas.queries:
        for x0, y0, x1, y1 in boxes:
            inside = red[round(y0) + 2 : round(y1) - 2, round(x0) + 2 : round(x1) - 2]
            # A grey draw has no red at all; it must not have it in places either.
            assert inside.size == 0 or inside.mean() > 0.95 or not red.any()


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0, 60), st.floats(1, 38), st.floats(1, 36)), max_size=3))
def test_a_mask_is_a_distribution_over_the_cells_that_its_boxes_touch(rows: list[tuple[float, ...]]) -> None:
    boxes = [(x, y, x + w, y + h) for x, y, w, h in rows]
    share = mask(boxes, 96, 128)
    assert share.shape == (96 // STRIDE, 128 // STRIDE)
    assert np.isclose(share.sum(), 1 if boxes else 0, atol=1e-5)
    assert (share >= 0).all()


def test_a_mosaic_asks_for_what_it_shows() -> None:
    rng = Random(0)
    photos = [Named(np.full((90, 90, 3), RED, np.uint8), (f"thing {index}",)) for index in range(5)]
    stock = Stock({}, photos, photos, [shape(rng)], [])
    canvas = mosaic(stock, SHAPES[0], Random(3))
    assert canvas.pixels.shape == (*SHAPES[0], 3)
    named = {name for _, name, _ in canvas.pieces if name}
    assert canvas.queries
    assert all(any(name in question for name in named) for question, boxes in canvas.queries if boxes)


@given(st.integers(0, 1000))
def test_every_wording_names_what_is_asked_for(seed: int) -> None:
    assert "fire hydrant" in questions.ask_thing("fire hydrant", Random(seed))
    assert any(name in questions.ask_field("date", Random(seed)) for name in questions.FIELDS["date"])


@pytest.mark.parametrize(
    ("question", "answer", "thing"),
    [
        ("Is the black king still on the board?", "yes", "black king"),
        ("Where is the white rook?", "white-rook", "white rook"),
        ("What is the orange doing there?", "orange", "orange"),
        ("What colour is the dining table?", "dining table", "dining table"),
    ],
)
def test_a_log_question_is_reworded_about_the_same_thing(question: str, answer: str, thing: str) -> None:
    ask = wording("any", question, answer)
    assert all(thing in ask(Random(seed)) for seed in range(20))


def test_shapes_are_of_the_colour_they_are_called() -> None:
    for seed in range(20):
        piece = shape(Random(seed))
        solid = piece.pixels[piece.pixels[..., 3] == 255][:, :3]
        expected = COLOURS[piece.names[0].split()[0]]
        assert np.abs(np.median(solid, axis=0) - expected).max() <= 21


def test_spatial_loss_falls_as_the_heat_moves_to_the_evidence() -> None:
    target = torch.tensor([[0.0, 0.5, 0.5, 0.0]])
    right, wrong = torch.tensor([[0.0, 4.0, 4.0, 0.0]]), torch.tensor([[4.0, 0.0, 0.0, 4.0]])
    assert losses.spatial(right, target) < losses.spatial(torch.zeros(1, 4), target) < losses.spatial(wrong, target)


def test_presence_loss_wants_absent_things_nowhere() -> None:
    absent = torch.zeros(1, 4)
    assert losses.presence(torch.full((1, 4), -5.0), absent) < losses.presence(torch.full((1, 4), 5.0), absent)


def test_the_rate_warms_up_and_falls() -> None:
    assert rate(0.0, 1.0) < rate(0.03, 1.0)
    assert rate(0.03, 1.0) == pytest.approx(1.0)
    assert rate(1.0, 1.0) == pytest.approx(0.02)


def test_the_average_moves_towards_the_module() -> None:
    module = torch.nn.Linear(1, 1)
    kept = {name: torch.zeros_like(value) for name, value in module.state_dict().items()}
    average(kept, module, 0.9)
    assert torch.allclose(kept["weight"], 0.1 * module.weight.detach())


@pytest.mark.long
def test_a_few_steps_learn_where_the_red_square_is() -> None:
    torch.manual_seed(0)
    towers = Towers(torch.randn(50, 128))
    optimiser = torch.optim.AdamW(towers.parameters(), 2e-3)
    history = []
    for step in range(40):
        rng = Random(step)
        canvases = [
            asked_canvas(red_square_at(rng.uniform(0, 0.8), rng.uniform(0, 0.7)), (96, 128), rng) for _ in range(4)
        ]
        kept = [canvas for canvas in canvases if canvas.queries and canvas.queries[0][1]]
        parts = loss_of(towers, batch_of(kept), torch.ones(1, 1, dtype=torch.long), Weights())
        optimiser.zero_grad()
        parts["all"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        history.append(parts["spatial"].item())
    assert np.mean(history[-8:]) < 0.7 * np.mean(history[:4])


def batch_of(canvases: list[Canvas]) -> dict[str, torch.Tensor]:
    """As `train.Canvases` collates them, without a tokenizer: every question is word 7."""
    size = canvases[0].pixels.shape[:2]
    none = torch.zeros(0, dtype=torch.long)
    return {
        "pixels": torch.from_numpy(np.stack([canvas.pixels for canvas in canvases])),
        "ids": torch.full((len(canvases), 1), 7),
        "canvas": torch.arange(len(canvases)),
        "target": torch.from_numpy(np.stack([mask(canvas.queries[0][1], *size).ravel() for canvas in canvases])),
        "names": torch.full((1, 1), 7),
        "shown": inner_masks([], size),
        "shown_canvas": none,
        "shown_name": none,
        "taught": inner_masks([], size),
        "taught_canvas": none,
        "taught_class": torch.zeros(0, 1),
    }


def test_image_features_are_unit_vectors_of_every_cell() -> None:
    features = ImageTower().eval()(torch.rand(1, 3, 64, 96) * 255)
    assert features.shape == (1, 96, 64 // STRIDE, 96 // STRIDE)
    assert torch.allclose(features.norm(dim=1), torch.ones(1, 8, 12), atol=1e-4)


def test_padding_changes_no_query() -> None:
    tower = Towers(torch.randn(50, 128)).text.eval()
    short, padded = torch.tensor([[3, 9, 4]]), torch.tensor([[3, 9, 4, 0, 0, 0]])
    assert torch.allclose(tower(short)[0], tower(padded)[0], atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations and tracer notes
def test_exported_graphs_agree_with_the_towers_at_other_sizes(tmp_path: Path) -> None:
    """The exports compare themselves and leave by SystemExit where they differ."""
    towers = Towers(torch.randn(1000, 128)).eval()
    export_image(towers, tmp_path / "image.onnx")
    export_text(towers, tmp_path / "text.onnx")
    stored = sum(parameter.numel() for parameter in towers.image.parameters())
    assert (tmp_path / "image.onnx").stat().st_size < 2.2 * stored
