"""What the teachers saw becomes questions: parts of a picture, boxes put together, and doubt that is neither."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recipes.embedded import seen, views
from recipes.embedded.pictures import Asked
from recipes.embedded.seen import Seen
from recipes.embedded.views import Look

SIZES = st.tuples(st.integers(60, 2000), st.integers(60, 2000))
LEFT, RIGHT = (0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.9, 0.9)


@given(SIZES, st.integers(0, 100), st.integers(0, 12))
def test_windows_are_the_picture_and_parts_inside_it(size: tuple[int, int], seed: int, count: int) -> None:
    whole, *parts = views.windows(np.random.default_rng(seed), size, count)
    assert whole == [0, 0, 1, 1]
    assert len(parts) == count
    for left, top, right, bottom in parts:
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert (right - left) * size[0] >= views.SMALLEST_PX * 0.99


def tiles() -> list[Look]:
    return [look for look in views.looks((800, 600)) if look.part != Look().part]


@given(st.floats(0, 0.8), st.floats(0, 0.8))
def test_what_is_small_lies_uncut_in_some_tile(x: float, y: float) -> None:
    assert any(tile.shows(np.array([[x, y, x + 0.17, y + 0.17]]))[0] for tile in tiles())


def test_a_small_picture_is_only_seen_whole() -> None:
    assert {look.part for look in views.looks((399, 300))} == {Look().part}


def test_a_box_is_cut_where_its_tile_ends_inside_the_picture_only() -> None:
    left, right = Look((0, 0, 0.6, 1)), Look((0.4, 0, 1, 1))
    boxes = np.array([[0, 0, 0.2, 1], [0.45, 0, 0.55, 1], [0.41, 0, 0.5, 1], [0.5, 0, 0.595, 1], [0.8, 0, 1, 1]])
    assert left.shows(boxes).tolist() == [True, True, True, False, False]
    assert right.shows(boxes).tolist() == [False, True, False, True, True]


@given(st.integers(0, 3), st.booleans(), st.floats(0, 0.9), st.floats(0, 0.5))
def test_lifting_undoes_tile_and_mirror(index: int, mirrored: bool, x: float, y: float) -> None:
    look = replace(tiles()[index], mirrored=mirrored)
    box = np.array([x, y, x + 0.1, y + 0.5])
    seen_box = np.array([1 - box[2], box[1], 1 - box[0], box[3]]) if mirrored else box
    left, top, *_ = look.part
    expected = np.array([left, top, left, top]) + views.TILE * box
    assert np.allclose(look.lift(seen_box[None])[0], expected)


def test_overlapping_boxes_are_one_thing_that_scores_as_the_looks_agree() -> None:
    here, near, there = (0.1, 0.1, 0.3, 0.3), (0.11, 0.1, 0.31, 0.3), (0.6, 0.6, 0.9, 0.9)
    boxes, scores, seen_by = np.array([near, here, there]), np.array([0.5, 0.9, 0.6]), np.array([1, 0, 1])
    first, second = views.fuse(boxes, scores, seen_by, [Look(), Look(mirrored=True)])
    assert first[0].tolist() == list(here)
    assert (first[1], second[1]) == pytest.approx((0.7, 0.3))


def test_a_tile_that_cannot_see_a_thing_does_not_count_against_it() -> None:
    box, tile = np.array([(0.7, 0.7, 0.9, 0.9)]), Look((0, 0, 0.6, 0.6))
    ((_, score),) = views.fuse(box, np.array([0.8]), np.array([0]), [Look(), tile])
    assert score == pytest.approx(0.8)


def test_what_no_look_sees_well_is_nothing() -> None:
    boxes = np.array([LEFT, LEFT])
    assert views.fuse(boxes, np.array([0.2, 0.24]), np.array([0, 1]), [Look(), Look(mirrored=True)]) == []


def test_a_doubtful_thing_is_neither_evidence_nor_absent() -> None:
    things = ((LEFT, "cat", 0.9), (RIGHT, "cat", 0.1), (LEFT, "dog", 0.9), (RIGHT, "dog", 0.35), (RIGHT, "cup", 0.1))
    found = Seen(things=things)
    assert found.named() == {"cat": (LEFT,)}
    absent = found.absent("")
    assert not {"cat", "dog", "cup"} & set(absent)
    assert "zebra" in absent


def test_a_speck_is_no_evidence() -> None:
    assert Seen(things=(((0.5, 0.5, 0.505, 0.6), "kite", 0.9),)).named() == {}


def test_what_is_told_of_a_picture_is_not_absent() -> None:
    absent = Seen().absent("Two Zebras at a table")
    assert not {"zebra", "dining table"} & set(absent)
    assert "dog" in absent


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ()),
        (((LEFT, "EXIT", 0.9),), (LEFT,)),
        (((LEFT, "EXIT", 0.9), (RIGHT, "7", 0.9)), (LEFT,)),
        (((LEFT, "EXIT", 0.4),), None),
        (((LEFT, "--", 0.9),), None),
    ],
)
def test_text_is_read_or_missing_or_in_doubt(words: Any, expected: Any) -> None:
    assert Seen(words=words).text() == expected


WHOLE = [[0.0, 0.0, 1.0, 1.0], [["tabby, tabby cat", 0.9]]]
CROP = [[0.0, 0.0, 0.5, 0.5], [["fur coat", 0.2]]]


def write_photos(folder: Path, *rows: dict[str, Any]) -> None:
    (folder / "photos" / "images").mkdir(parents=True)
    lines = []
    for index, row in enumerate(rows):
        image = f"images/{index}.png"
        Image.new("RGB", (80, 60), (90, 120, 30)).save(folder / "photos" / image)
        empty: dict[str, Any] = {"labels": [], "captions": [], "boxes": []}
        lines.append(json.dumps({"image": image, "width": 80, "height": 60, **empty, **row}))
    (folder / "photos" / "photos.jsonl").write_text("\n".join(lines) + "\n")


def saw(folder: Path, *pictures: dict[str, Any]) -> dict[str, Seen]:
    """As teachers.py would have written it of photo 0, 1, ..."""
    empty: dict[str, Any] = {"crops": [], "things": [], "words": []}
    table = {f"photos/images/{index}.png": {**empty, **picture} for index, picture in enumerate(pictures)}
    (folder / "teachers.json").write_text(json.dumps(table))
    return seen.read_seen(folder / "teachers.json")


def asks(picture: Asked, what: str) -> set[tuple[tuple[float, ...], ...]]:
    """The evidence of every question whose wordings all hold `what`."""
    return {boxes for ask, boxes in picture.questions if all(what in ask(Random(seed)) for seed in range(20))}


def test_a_photo_is_asked_about_what_is_seen_and_what_is_not(tmp_path: Path) -> None:
    write_photos(tmp_path, {"captions": ["a dog on a couch"]}, {})
    things = [[list(LEFT), "dog", 0.9]]
    known = saw(
        tmp_path, {"things": things, "words": [[list(RIGHT), "EXIT", 0.9]]}, {"words": [[list(LEFT), "..", 0.1]]}
    )
    (picture,) = seen.boxed_photos(tmp_path, known)
    assert asks(picture, "dog") == {(LEFT,)}
    assert {boxes for _, boxes in picture.questions} == {(LEFT,), (RIGHT,), ()}
    (absent,) = (ask for ask, boxes in picture.questions if not boxes)
    asked = [absent(Random(seed)) for seed in range(300)]
    assert any("zebra" in question for question in asked)
    assert not any(name in question for question in asked for name in ("dog", "couch"))


def test_annotated_boxes_stand_without_the_detector(tmp_path: Path) -> None:
    write_photos(tmp_path, {"boxes": [{"box": [0, 0, 40, 30], "label": "cat"}], "labels": ["cat"]})
    (picture,) = seen.boxed_photos(tmp_path, saw(tmp_path, {"things": [[list(LEFT), "dog", 0.9]]}))
    assert asks(picture, "cat") == {((0.0, 0.0, 0.5, 0.5),)}
    assert asks(picture, "dog") == set()


def test_names_of_a_photo_are_of_the_whole_of_it(tmp_path: Path) -> None:
    write_photos(tmp_path, {"labels": ["Tigger"]}, {})
    pieces = seen.photos(tmp_path, saw(tmp_path, {"crops": [WHOLE, CROP]}, {"crops": [WHOLE, CROP]}))
    assert {(piece.pixels.shape[:2], piece.names) for piece in pieces} == {
        ((60, 80), ("Tigger",)),
        ((60, 80), ("tabby",)),
        ((30, 40), ()),
    }


@pytest.mark.parametrize(
    ("name", "named", "read"), [("everyday", True, True), ("chess", False, True), ("scene_text", True, False)]
)
def test_a_set_is_asked_about_what_it_may(tmp_path: Path, name: str, named: bool, read: bool) -> None:
    (tmp_path / name).mkdir()
    Image.new("RGB", (80, 60)).save(tmp_path / name / "0.png")
    row = {"image": "0.png", "width": 80, "height": 60, "split": "train", "evidence": [[0, 0, 40, 30]]}
    row |= {"question": "Where is the cup?", "answers": ["cup"]}
    (tmp_path / name / "questions.jsonl").write_text(json.dumps(row) + "\n")
    things = ((LEFT, "dog", 0.9), (RIGHT, "cup", 0.9))
    (picture,) = seen.asked(tmp_path, name, {f"{name}/0.png": Seen(things=things, words=((RIGHT, "EXIT", 0.9),))})
    evidence = [boxes for _, boxes in picture.questions if boxes]
    assert ((0.0, 0.0, 0.5, 0.5),) in evidence
    assert asks(picture, "cup") <= {((0.0, 0.0, 0.5, 0.5),)}
    assert asks(picture, "dog") == ({(LEFT,)} if named else set())
    assert ((RIGHT,) in evidence) == read
    (plain,) = seen.asked(tmp_path, name, {})
    assert len(plain.questions) == 1
