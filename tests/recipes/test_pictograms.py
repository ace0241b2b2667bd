"""Pictograms: one name across sets, true colours and boxes, a style that is never trained on, a check that can fail."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from recipes.embedded import styles
from recipes.embedded.icon_names import emoji_keys, reference, thing_keys
from recipes.embedded.icons import SEEN, alike, attribute_twins, painted, pictogram, pictograms, tight, turned
from recipes.embedded.pictograms import HELD_OUT, STYLES, Style, fetch, svg, tile
from recipes.embedded.pictures import COLOURS, Named
from recipes.embedded.samples import SHAPES, Canvas, Stock, scattered, settle
from semclip.geometry import Box, Size
from semclip.types import Floats, Picture, Pixels, Regions

CATEGORIES = {
    "Animals": ["red-apple", "palm-tree", "wolf", "glasses"],
    "People": ["person-running", "man-running", "mechanic", "woman-mechanic", "waving-hand-dark-skin-tone"],
    "Travel": ["one-oclock", "flag-for-france"],
    "Symbols": ["up-arrow", "virgo", "warning"],
}
NAMES = reference(CATEGORIES, {"wolf-face": "wolf"}, {"1f453": "glasses", "1f468-200d": "wolf"})
GREY = 128
GRID = Size(52, 38)
SHAPE_NAMES = ("dog", "dog house", "star", "wrench", "snow man", "key")


def blob(seed: int) -> Pixels:
    """(96, 96, 4) a black blot with soft edges and clear margins."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 4), np.uint8)
    alpha = np.zeros((96, 96), np.uint8)
    alpha[12:84, 24:72] = np.asarray(PILImage.fromarray(noise).resize((48, 72))).clip(60)
    return np.dstack([np.zeros((96, 96, 3), np.uint8), alpha])


def write_style(folder: Path, name: str, names: tuple[str, ...]) -> None:
    np.savez(folder / f"{name}.npz", pixels=np.stack([blob(index) for index in range(len(names))]), names=names)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_style(tmp_path, "noto", ("red apple", "wolf"))
    write_style(tmp_path, "mdi", (*SHAPE_NAMES, "red apple"))
    write_style(tmp_path, HELD_OUT, ("wolf",))
    return tmp_path


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("red-apple", "red apple"),
        ("palmtree", "palm tree"),
        ("wolf-face", "wolf"),
        ("wolf-2", "wolf"),
        ("eyeglasses", "glasses"),
        ("person-running", "person running"),
        ("warning", "warning"),
    ],
)
def test_sets_that_spell_a_thing_differently_agree_on_its_name(key: str, name: str) -> None:
    assert emoji_keys([key], NAMES) == {name: key}


@pytest.mark.parametrize(
    "key",
    [
        "man-running",
        "woman-mechanic",
        "waving-hand-dark-skin-tone",
        "one-oclock",
        "flag-for-france",
        "up-arrow",
        "virgo",
        "no-such-thing",
    ],
)
def test_signs_skin_tones_and_doubles_have_no_name(key: str) -> None:
    assert emoji_keys([key], NAMES) == {}


def test_a_key_spelt_as_its_name_comes_before_one_that_is_not() -> None:
    assert emoji_keys(["wolf-face", "wolf", "wolf-2"], NAMES) == {"wolf": "wolf"}


def test_things_are_kept_once_filled_and_signs_are_not() -> None:
    things = {"star", "traffic light", "bell", "shield"}
    keys = [
        "star-outline",
        "star",
        "star-fill",
        "traffic-light",
        "bell-off",
        "bell-off-outline",
        "user",
        "broken-shield",
    ]
    assert thing_keys(keys, things) == {"star": "star-fill", "traffic light": "traffic-light"}
    assert thing_keys(keys, things, noun_last=True)["broken shield"] == "broken-shield"
    assert thing_keys(["bell-outline", "bell"], things) == {"bell": "bell"}


def package(folder: Path, style: Style, spdx: str) -> None:
    """A package as npm would have packed it."""
    files = {"info": {"license": {"spdx": spdx, "title": spdx}}, "icons": {"prefix": style.name}}
    with tarfile.open(folder / f"iconify-json-{style.name}-{style.version}.tgz", "w:gz") as archive:
        for name, content in files.items():
            path = folder / f"{name}.json"
            path.write_text(json.dumps(content))
            archive.add(path, f"package/{name}.json")


def test_a_package_is_read_only_under_a_permissive_licence(tmp_path: Path) -> None:
    package(tmp_path, STYLES[0], "MIT")
    assert fetch(STYLES[0], tmp_path)["icons"] == {"prefix": STYLES[0].name}
    package(tmp_path, STYLES[1], "CC-BY-SA-4.0")
    with pytest.raises(SystemExit, match="CC-BY-SA"):
        fetch(STYLES[1], tmp_path)


def test_an_icon_is_drawn_in_its_own_frame_or_that_of_its_set() -> None:
    icons = {"width": 24, "icons": {"dot": {"body": "<circle/>", "height": 30, "left": 2}}}
    assert 'viewBox="2 0 24 30"><circle/></svg>' in svg(icons, "dot")


def test_a_tile_is_filled_by_what_is_seen() -> None:
    drawing = PILImage.new("RGBA", (256, 256))
    assert tile(drawing) is None
    drawing.paste((255, 0, 0, 255), (10, 100, 50, 120))
    pixels = tile(drawing)
    assert pixels is not None
    assert pixels.shape == (96, 96, 4)
    assert (pixels[24:72, :, 3] == 255).all()
    assert not pixels[:24, :, 3].any()


def test_the_held_out_style_is_never_loaded(folder: Path) -> None:
    found = pictograms(folder)
    assert sorted(found) == ["mdi", "noto"]
    assert [piece.names for piece in found["noto"]] == [("red apple",), ("wolf",)]
    assert any(style.name == HELD_OUT for style in STYLES)


def test_a_shape_without_colour_is_not_named_by_one(folder: Path) -> None:
    assert [piece.names[0] for piece in pictograms(folder)["mdi"]] == list(SHAPE_NAMES)


def test_pieces_are_cropped_to_what_is_seen(folder: Path) -> None:
    assert all(piece.pixels.shape == (72, 48, 4) for piece in pictograms(folder)["noto"])
    empty = np.zeros((5, 4, 4), np.uint8)
    assert tight(empty).shape == empty.shape


@given(st.integers(0, 1000))
def test_a_painted_piece_is_of_its_colour_and_keeps_its_opacity(seed: int) -> None:
    piece = Named(blob(seed), ("dog house",))
    found = painted(piece, Random(seed))
    colour, name = found.names[0].split(" ", 1)
    assert name == "dog house"
    assert np.array_equal(found.pixels[..., 3], piece.pixels[..., 3])
    assert np.abs(found.pixels[..., :3].astype(int) - COLOURS[colour]).max() <= 20
    assert not piece.pixels[..., :3].any()


def test_only_shapes_without_colour_are_painted(folder: Path) -> None:
    found = pictograms(folder)
    assert {pictogram({"noto": found["noto"]}, Random(seed)).names[0] for seed in range(20)} == {"red apple", "wolf"}
    assert all(pictogram({"mdi": found["mdi"]}, Random(s)).names[0].split()[0] in COLOURS for s in range(20))


@given(st.integers(0, 1000), st.floats(20, 140))
def test_a_turned_piece_fills_its_box_and_has_its_size(seed: int, long_side: float) -> None:
    pixels = turned(blob(seed), long_side, Random(seed))
    assert abs(np.log(max(pixels.shape[:2]) / long_side)) < 0.4
    seen = pixels[..., 3] >= SEEN
    assert all(edge.any() for edge in (seen[0], seen[-1], seen[:, 0], seen[:, -1]))


def shapes() -> list[Named]:
    return [Named(tight(blob(index)), (name,)) for index, name in enumerate(SHAPE_NAMES)]


@given(st.integers(0, 1000))
def test_twins_differ_in_one_attribute_and_none_may_be_meant_for_another(seed: int) -> None:
    twins = [piece.names[0] for piece in attribute_twins({"mdi": shapes()}, Random(seed))]
    assert len(set(twins)) == len(twins)
    assert not any(alike(one, other) for i, one in enumerate(twins) for other in twins[:i])
    colours, things = zip(*(twin.split(" ", 1) for twin in twins), strict=True)
    assert len(set(things)) == 2
    assert len(set(colours)) < len(colours)
    assert things[0] == things[1]


def test_there_are_no_twins_without_shapes_that_can_be_painted() -> None:
    assert attribute_twins({"noto": shapes()}, Random(0)) == []


def towards(colour: str, canvas: Pixels, box: tuple[float, float, float, float]) -> bool:
    """Whether the strongest change in the box, from the grey around it, is towards the colour."""
    left, top, right, bottom = (round(side) for side in box)
    change = (canvas[top:bottom, left:right].astype(float) - GREY).reshape(-1, 3)
    strongest, wanted = change[np.abs(change).sum(1).argmax()], np.array(COLOURS[colour]) - GREY
    return bool(strongest @ wanted > 0.8 * np.linalg.norm(strongest) * np.linalg.norm(wanted))


def test_a_piece_settles_where_its_box_says_and_covers_no_other() -> None:
    settled = 0
    for seed in range(20):
        rng = Random(seed)
        canvas = Canvas(np.full((416, 608, 3), GREY, np.uint8))
        for piece in attribute_twins({"mdi": shapes()}, rng):
            settle(canvas, piece, rng)
        covered = np.zeros((416, 608), int)
        for (left, top, right, bottom), name, _ in canvas.pieces:
            covered[int(top) : int(bottom), int(left) : int(right)] += 1
            assert name
            assert towards(name.split()[0], canvas.pixels, (left, top, right, bottom))
        assert covered.max() == 1
        assert (canvas.pixels[covered == 0] == GREY).all()
        settled += len(canvas.pieces)
    assert settled > 50


def test_a_scatter_asks_for_each_twin_by_its_full_name_in_its_own_box() -> None:
    photo = Named(np.full((90, 90, 3), GREY, np.uint8), ("photo",))
    stock = Stock({}, [photo], [photo], {"mdi": shapes()}, [])
    asked = 0
    for seed in range(12):
        canvas = scattered(stock, SHAPES[0], Random(seed))
        assert canvas.pixels.shape == (*SHAPES[0], 3)
        found = [(text, boxes) for text, boxes in canvas.queries if boxes]
        assert len({text for text, _ in found}) == len(found)
        for text, boxes in found:
            named = [box for box, name, _ in canvas.pieces if re.search(rf"\b{name}\b", text)]
            assert sorted(boxes) == sorted(named)
            asked += len(boxes) == 1
    assert asked > 50


def test_what_cannot_be_told_from_its_ground_is_not_pasted() -> None:
    canvas = Canvas(np.full((416, 608, 3), 0, np.uint8))
    settle(canvas, shapes()[0], Random(0))
    assert not canvas.pieces


class Knows:
    """A ψ that finds a pictogram by the grey level that its name stands for, or one that does not care."""

    def __init__(self, levels: dict[str, int], *, guesses: bool = False) -> None:
        self.levels = levels
        self.rng = np.random.default_rng(0) if guesses else None

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        pixels = image.resized(GRID)
        # What stands out from both grounds: the pictograms of this test are pure greys.
        grey = np.ptp(pixels.astype(int), axis=2) == 0
        features = np.stack([pixels[..., 0], grey], axis=-1).reshape(-1, 2).astype(np.float32)
        return Regions(image.size, tuple(boxes), features, "fake", GRID)

    def heat(self, question: str, regions: Regions) -> Floats:
        if self.rng is not None:
            return self.rng.normal(size=(GRID.height, GRID.width))
        level, grey = regions.features.T
        heat: Floats = (-np.abs(level - self.levels[question]) * grey).reshape(GRID.height, GRID.width)
        return heat


def grey_pieces() -> list[Named]:
    return [
        Named(
            np.dstack([np.full((96, 96, 3), level, np.uint8), np.full((96, 96), 255, np.uint8)]), (f"{level:03} thing",)
        )
        for level in range(20, 140)
    ]


@pytest.mark.parametrize("ground", styles.GROUNDS)
def test_the_check_is_1_for_who_knows_and_chance_for_who_guesses(ground: str) -> None:
    pieces = grey_pieces()
    levels = {piece.names[0]: int(piece.names[0][:3]) for piece in pieces}
    assert (styles.ranks(Knows(levels), pieces, pieces[:15], ground) == 0).all()
    guessed = styles.ranks(Knows(levels, guesses=True), pieces, pieces[:40], ground)
    assert (guessed == 0).mean() < 0.1
    assert 35 < guessed.mean() < 64


def test_who_sees_no_difference_is_never_right() -> None:
    pieces = grey_pieces()
    same = Knows(dict.fromkeys((piece.names[0] for piece in pieces), 100))
    assert (styles.ranks(same, pieces, pieces[:5], "plain") == styles.NAMES - 1).all()


def test_a_trial_has_100_names_that_do_not_hold_one_another() -> None:
    pieces = [Named(blob(0), (f"{kind} {n:03}",)) for kind in ("dog", "hot dog") for n in range(150)]
    drawn = list(styles.trials(pieces, pieces))
    assert len(drawn) == 300
    for piece, names in drawn:
        assert names[0] == piece.names[0]
        assert len(names) == styles.NAMES
        assert not any(one in other for one in names for other in names if one is not other)
    assert [names for _, names in styles.trials(pieces, pieces)] == [names for _, names in drawn]


def test_names_that_no_style_taught_are_reported_apart() -> None:
    pieces = grey_pieces()
    levels = {piece.names[0]: int(piece.names[0][:3]) for piece in pieces}
    lines = list(styles.report(Knows(levels), pieces, {"noto": pieces[5:]}))
    assert [line.split(",")[0] for line in lines] == ["names trained on"] * 2 + ["other names"] * 2
    assert "5 trials" in lines[2]
    assert all("top-1 1.000 [1.000, 1.000]" in line for line in lines)
