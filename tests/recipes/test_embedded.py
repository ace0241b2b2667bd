"""The recipe of the shipped ψ: canvases tell the truth about their evidence, training learns."""

from __future__ import annotations

import argparse
import io
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage
from PIL import ImageFont
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.embedded import losses, questions, render, samples, tune
from recipes.embedded.batches import SETS, Batches, load_asked
from recipes.embedded.looks import LOOK
from recipes.embedded.measure import dev_rows, hit_rate
from recipes.embedded.module import CanvasTowers
from recipes.embedded.pictures import COLOURS, Asked, Named, rendered, shape, wording
from recipes.embedded.samples import SHAPES, Canvas, Stock, asked_canvas, mosaic
from recipes.embedded.seen import Seen
from recipes.embedded.targets import mask, targets
from recipes.embedded.train import parse, schedule
from semclip.evaluation.metrics import Bools
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint import DensePsi, DenseSettings, load, read_config, write_config
from semclip.relevance.embedded import WEIGHTS
from semclip.training.dense.model import EXTENT, STRIDE, ImageTower, Towers
from semclip.training.learner import Batch
from semclip.training.loop import Schedule, Work, fit
from semclip.training.tokens import read_tokens
from semclip.types import Pixels
from tests.fakes import ColorRelevance, spotted

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


def test_a_mosaic_asks_for_what_it_shows(stock: Stock) -> None:
    photos = [Named(np.full((90, 90, 3), RED, np.uint8), (f"thing {index}",)) for index in range(5)]
    canvas = mosaic(replace(stock, photos=photos, crops=photos), SHAPES[0], Random(3))
    assert canvas.pixels.shape == (*SHAPES[0], 3)
    names = {box: name for box, name, _ in canvas.pieces if name}
    asked = [(question, names[box]) for question, boxes in canvas.queries for box in boxes if box in names]
    assert len(asked) >= 5
    assert all(name in question for question, name in asked)


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


def test_a_batch_without_evidence_has_no_contrast_over_places() -> None:
    assert losses.spatial(torch.randn(2, 4), torch.zeros(2, 4)) == 0


def test_naming_loss_wants_the_piece_to_look_like_its_name() -> None:
    names = torch.eye(2)
    right, wrong = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    target = torch.tensor([[1.0, 0.0]])
    assert losses.naming(right, names, target) < losses.naming(wrong, names, target)


def test_likeness_wants_every_piece_nearer_to_its_own_look_than_to_others() -> None:
    torch.manual_seed(0)
    looks = F.normalize(torch.randn(5, 8), dim=1)
    right, mixed_up, far = losses.likeness(3 * looks, looks), losses.likeness(looks.roll(1, 0), looks), -looks
    assert right < mixed_up < losses.likeness(far, looks)
    assert right < losses.likeness(looks.mean(0).expand(5, 8), looks)


def test_foresight_counts_every_channel_in_its_own_deviations() -> None:
    torch.manual_seed(0)
    seen = torch.randn(2, 3, 4, 4) * torch.tensor([1.0, 10.0, 100.0])[:, None, None] + 50
    deviation, mean = torch.std_mean(seen, dim=(0, 2, 3), keepdim=True)
    assert losses.foresight((seen - mean) / deviation, seen) < 1e-3
    assert losses.foresight(torch.randn(2, 3, 4, 4), seen) > 0.5


class GreySeer(nn.Module):
    """Sees how bright each place is."""

    channels = (1, 1, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        grey = pixels.mean(1, keepdim=True)
        return F.avg_pool2d(grey, 8), F.avg_pool2d(grey, 16), F.avg_pool2d(grey, 32)


def test_towers_learn_to_foresee_what_a_network_sees_in_every_other_canvas(batches: Batches) -> None:
    torch.manual_seed(0)
    module = CanvasTowers(Towers(torch.randn(30_000, 128)), GreySeer())
    maps = module(batches(0)).maps
    pixels = batches(0)["pixels"].float()
    assert [guess.shape == seen.shape for guess, seen in maps] == [True, True, True]
    assert len(maps[1][1]) == -(-len(pixels) // 2)
    assert torch.allclose(maps[1][1][0, 0, 0, 0], pixels[0, :16, :16].mean())
    first = next(module.towers.image.stem.parameters())
    (slope,) = torch.autograd.grad(losses.foresight(*maps[2]), first)
    assert slope.abs().sum() > 0
    assert not CanvasTowers(module.towers)(batches(0)).maps


def test_pieces_and_their_names_learn_what_a_network_makes_of_the_pieces(stock: Stock, batches: Batches) -> None:
    torch.manual_seed(0)
    module = CanvasTowers(Towers(torch.randn(30_000, 128)))
    looks = np.random.default_rng(0).normal(size=(100, LOOK)).astype(np.float32)
    seen = {
        name: [replace(piece, look=look) for piece, look in zip(some, looks, strict=False)]
        for name, some in stock.pictograms.items()
    }
    batch = everywhere(replace(batches, stock=replace(stock, pictograms=seen)), "walls")(0)
    assert len(batch["look"]) == len(batch["looked"]) == len(batch["looked_name"]) >= 20
    assert (batch["looked_name"] == batch["shown_name"]).all()
    parts = losses.known(module(batch), batch)
    parameters = {"look": module.towers.image.top.feature.weight, "meaning": module.towers.text.project.weight}
    for part, parameter in parameters.items():
        (slope,) = torch.autograd.grad(parts[part], parameter, retain_graph=True)
        assert slope.abs().sum() > 0
    unseen = everywhere(batches, "walls")(0)
    assert not losses.known(module(unseen), unseen).keys() & parameters.keys()


def everywhere(batches: Batches, kind: str) -> Batches:
    return replace(batches, mixes={size: {kind: 1} for size in SHAPES})


def test_a_wall_is_full_of_pictograms_that_cover_no_other(stock: Stock) -> None:
    canvas = samples.wall(stock, (416, 608), Random(1))
    boxes = [box for box, _, _ in canvas.pieces]
    assert len(boxes) >= 20
    assert all(0 <= left < right <= 608 and 0 <= top < bottom <= 416 for left, top, right, bottom in boxes)
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    painted = np.zeros((416, 608), bool)
    for left, top, right, bottom in boxes:
        painted[top:bottom, left:right] = True
    assert painted.sum() == covered


def test_a_piece_is_the_mean_of_its_own_canvas() -> None:
    features = torch.stack([torch.zeros(3, 4), torch.ones(3, 4)])
    pooled = losses.pool(features, torch.full((2, 4), 0.25), torch.tensor([0, 1]))
    assert torch.equal(pooled, torch.tensor([[0.0] * 3, [1.0] * 3]))


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """A rendered scene, red photos that the teacher knows, shapes, and Pillow's own font: nothing of the system's."""
    folder = tmp_path_factory.mktemp("stock")
    render.main(folder, 1)
    font = ImageFont.load_default(10)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert isinstance(font.path, io.BytesIO)
    (folder / "font.ttf").write_bytes(font.path.getvalue())
    seen = tuple((f"thing {index}, also so called", 0.2 + 0.1 * index) for index in range(3))
    photos = [Named(np.full((90, 90, 3), RED, np.uint8), (f"photo {index}",), seen) for index in range(4)]
    scenes = rendered(folder)
    icons = {"shapes": [shape(Random(0))]}
    return Stock({"scenes": scenes, "boxed": scenes}, photos, photos, icons, [folder / "font.ttf"])


@pytest.fixture(scope="module")
def batches(stock: Stock) -> Batches:
    return Batches(stock, read_tokens(WEIGHTS, read_config(WEIGHTS).text), seed=0, canvases=2)


def test_a_batch_is_a_function_of_seed_and_number(batches: Batches) -> None:
    first, other = batches(0), batches(1)
    again = replace(batches)(0)
    assert first.keys() == again.keys()
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    changed = replace(batches, seed=1)(0)
    assert all(
        one["pixels"].shape != first["pixels"].shape or (one["pixels"] != first["pixels"]).any()
        for one in (other, changed)
    )


def test_the_targets_of_a_batch_belong_to_its_canvases(batches: Batches) -> None:
    named = 0
    for number in range(12):
        batch = batches(number)
        assert len(batch["ids"]) == len(batch["canvas"]) == len(batch["target"])
        assert (batch["canvas"].diff() >= 0).all()
        sums = batch["target"].sum(1)
        assert torch.allclose(sums, (sums > 0).float(), atol=1e-4)
        if "shown" in batch:
            named += 1
            assert torch.allclose(batch["shown"].sum(1), torch.ones(len(batch["shown"])), atol=1e-4)
            assert (batch["shown_canvas"].diff() >= 0).all()
            assert batch["shown_name"].max() < len(batch["names"])
        if "taught" in batch:
            assert torch.allclose(batch["taught_share"], torch.tensor([0.2, 0.3, 0.4]) / 0.9)
    assert named


def test_canvases_are_drawn_of_what_is_there(stock: Stock, batches: Batches) -> None:
    receipts = {**stock.asked, "receipts": [red_square_at(0.3, 0.3)]}
    assert asks_for_a_red_square(replace(batches, stock=replace(stock, asked=receipts)))
    assert not asks_for_a_red_square(batches)


def test_a_school_teaches_what_pieces_are_alone(stock: Stock, batches: Batches) -> None:
    school = everywhere(replace(batches, stock=replace(stock, asked={})), "walls")
    assert len(school(0)["shown"]) >= 20
    torch.manual_seed(0)
    module = CanvasTowers(Towers(torch.randn(30_000, 128)))
    batch = next(batch for batch in map(batches, range(20)) if {"shown", "taught"} <= batch.keys())
    taught = losses.school(module, batch)
    assert taught.keys() == {"naming", "teacher", "all"}
    assert losses.loss(module, batch).keys() > taught.keys()


def asks_for_a_red_square(batches: Batches) -> bool:
    wanted = batches.tokens("the red square")[0].tolist()
    rows = [row for number in range(15) for row in batches(number)["ids"].tolist()]
    return any(row[: len(wanted)] == wanted and not any(row[len(wanted) :]) for row in rows)


def test_of_a_set_that_is_left_out_only_what_teachers_see_is_known(tmp_path: Path) -> None:
    for name in SETS:
        write_log(tmp_path / name, np.zeros((40, 40, 3), np.uint8), split="train")
    cup = ((0.5, 0.5, 0.9, 0.9), "cup", 0.9)
    looked = {f"{name}/images/0.png": Seen(things=(cup,)) for name in ("everyday", "receipts")}
    boxes = {
        name: {box for one in pictures for _, some in one.questions for box in some}
        for name, pictures in load_asked(tmp_path, looked, without=["receipts", "everyday"]).items()
    }
    annotated = (0.0, 0.0, 0.125, 0.125)
    assert boxes == {
        "receipts": set(),
        "everyday": {cup[0]},
        **{name: {annotated} for name in ("chess", "plates", "scene_text")},
    }
    assert annotated in load_asked(tmp_path, looked)["everyday"][0].questions[0][1]


def write_log(folder: Path, pixels: Pixels, *, split: str) -> Path:
    """A set of one picture and a question whose evidence is its top left eighth of each side."""
    height, width = pixels.shape[:2]
    (folder / "images").mkdir(parents=True)
    PILImage.fromarray(pixels).save(folder / "images" / "0.png")
    row = {
        "id": "0",
        "image": "images/0.png",
        "question": "Where is the red square?",
        "answers": ["there"],
        "evidence": [[0, 0, width // 8, height // 8]],
        "width": width,
        "height": height,
        "split": split,
    }
    (folder / "questions.jsonl").write_text(json.dumps(row) + "\n")
    return folder / "questions.jsonl"


def corner(color: tuple[int, int, int]) -> Pixels:
    return spotted(Size(400, 400), {Box(0, 0, 50, 50): color})


def test_what_is_measured_is_the_mean_over_sets(tmp_path: Path) -> None:
    write_log(tmp_path / "easy", corner(RED), split="dev")
    write_log(tmp_path / "misled", spotted(Size(400, 400), {Box(300, 300, 400, 400): RED}), split="dev")
    rows = dev_rows(tmp_path, ["easy", "misled"])
    assert hit_rate(ColorRelevance(), rows) == 0.5
    assert hit_rate(ColorRelevance(), {"easy": rows["easy"]}) == 1.0


class Heard:
    """A Watch that remembers."""

    def __init__(self) -> None:
        self.steps: list[Mapping[str, float]] = []
        self.values: list[float] = []

    def step(self, done: int, steps: int, values: Mapping[str, float], /) -> None:
        self.steps.append(dict(values))

    def measured(self, done: int, value: float, /) -> None:
        self.values.append(value)


def options(*given: str) -> argparse.Namespace:
    return parse(["data", "runs", "--out", "psi", *given])


def test_a_set_may_be_left_out_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert options("--without", "receipts", "--without", "chess").without == ["receipts", "chess"]
    with pytest.raises(SystemExit):
        options("--without", "photos")
    assert "photos" in capsys.readouterr().err


@pytest.mark.long
def test_a_run_that_stops_early_keeps_its_averaged_weights(batches: Batches, tmp_path: Path) -> None:
    torch.manual_seed(0)
    towers = Towers(torch.randn(29_525, 128))
    before = {name: value.clone() for name, value in towers.state_dict().items()}
    planned = schedule(options("--steps", "9", "--until", "2"))
    assert planned.rate_at(1) == schedule(options("--steps", "9")).rate_at(1)
    heard = Heard()
    progress = fit(
        CanvasTowers(towers),
        Work(replace(batches, canvases=1), losses.loss, lambda: math.nan),
        replace(planned, workers=0, precision="no"),
        folder=tmp_path,
        watch=heard,
    )
    assert (progress.step, len(heard.steps), len(heard.values)) == (2, 2, 1)
    still = {name for name, value in towers.state_dict().items() if torch.equal(value, before[name])}
    assert still == {"text.vectors.weight"}


@pytest.mark.long
def test_a_few_steps_learn_where_the_red_square_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    towers = Towers(torch.randn(50, 128))
    heard = Heard()
    work = Work(red_squares, losses.loss, lambda: 0.0)
    fit(CanvasTowers(towers), work, Schedule(80, rate=2e-3, every=80), folder=tmp_path, watch=heard)
    history = [values["spatial"] for values in heard.steps]
    assert np.mean(history[-8:]) < 0.7 * np.mean(history[:4])


def red_squares(number: int) -> Batch:
    """As Batches makes them, small, and every question is word 7."""
    rng = Random(number)
    drawn = [asked_canvas(red_square_at(rng.uniform(0, 0.8), rng.uniform(0, 0.7)), (96, 128), rng) for _ in range(4)]
    canvases = [canvas for canvas in drawn if canvas.queries and canvas.queries[0][1]]
    return {
        "pixels": torch.from_numpy(np.stack([canvas.pixels for canvas in canvases])),
        "ids": torch.full((len(canvases), 1), 7),
        "canvas": torch.arange(len(canvases)),
        **targets([canvas.queries[0][1] for canvas in canvases], (96, 128), rng),
    }


@pytest.mark.long
def test_tuning_writes_its_choice_into_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    psi = tmp_path / "psi"
    shutil.copytree(WEIGHTS, psi)
    config = read_config(psi)
    assert isinstance(config.encoder, DenseSettings)
    write_config(psi, replace(config, encoder=replace(config.encoder, sharpness=9.0)))
    write_log(tmp_path / "data" / "set", corner(RED), split="dev")
    tune.main(sorted((tmp_path / "data").glob("*/questions.jsonl")), psi)
    tuned = load(psi)
    assert isinstance(tuned, DensePsi)
    assert tuned.settings.sharpness in tune.SHARPNESS
    best = capsys.readouterr().out.splitlines()[-1]
    assert f"{tuned.settings.area_px}, {tuned.settings.sharpness}, {tuned.settings.size_weight}" in best


def test_image_features_are_unit_vectors_and_extents_of_every_cell() -> None:
    features = ImageTower().eval()(torch.rand(1, 3, 64, 96) * 255)
    assert features.shape == (1, 96 + EXTENT + 1, 64 // STRIDE, 96 // STRIDE)
    assert torch.allclose(features[:, : -EXTENT - 1].norm(dim=1), torch.ones(1, 8, 12), atol=1e-4)


def test_padding_changes_no_query() -> None:
    tower = Towers(torch.randn(50, 128)).text.eval()
    short, padded = torch.tensor([[3, 9, 4]]), torch.tensor([[3, 9, 4, 0, 0, 0]])
    assert torch.allclose(tower(short)[0], tower(padded)[0], atol=1e-5)
