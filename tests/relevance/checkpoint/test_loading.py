"""A ψ's folder: it is what was saved, or it is one clear error."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semclip.errors import ModelError
from semclip.geometry import Box, Size
from semclip.relevance.checkpoint import CONFIG, IMAGE, TEXT, TOKENIZER, WEIGHTS, load, read_config, write_config
from semclip.relevance.checkpoint.summary import describe
from tests.fakes import ArrayPicture, spotted
from tests.relevance.checkpoint import folders
from tests.relevance.checkpoint.folders import edit_config, resealed, save_tiny

FILES = (WEIGHTS, IMAGE, TEXT, TOKENIZER, CONFIG)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny")


def scores(folder: Path) -> list[float]:
    psi = load(folder)
    picture = ArrayPicture(spotted(Size(40, 20), {Box(0, 0, 20, 20): (250, 0, 0), Box(20, 0, 40, 20): (0, 0, 250)}))
    regions = psi.embed(picture, [Box(0, 0, 20, 20), Box(20, 0, 40, 20)])
    found: list[float] = psi.score("a red thing", regions).tolist()
    return found


def test_a_saved_psi_scores(folder: Path) -> None:
    assert scores(folder) == pytest.approx([9.0, -1.0])


def test_a_moved_folder_is_the_same_psi(folder: Path, tmp_path: Path) -> None:
    before, fingerprint = scores(folder), load(folder).fingerprint
    shutil.move(folder, tmp_path / "elsewhere")
    assert scores(tmp_path / "elsewhere") == before
    assert load(tmp_path / "elsewhere").fingerprint == fingerprint


def test_links_to_the_files_are_as_good_as_the_files(folder: Path, tmp_path: Path) -> None:
    """The hub's own cache is made of them."""
    linked = tmp_path / "linked"
    linked.mkdir()
    (tmp_path / "blobs").mkdir()
    for index, file in enumerate(FILES):
        shutil.copy(folder / file, tmp_path / "blobs" / str(index))
        (linked / file).symlink_to(Path("..", "blobs", str(index)))
    assert scores(linked) == scores(folder)


def test_a_psi_is_called_as_its_folder_was_given(folder: Path) -> None:
    assert load(folder).name == str(folder)
    assert load(folder, name="mine").name == "mine"


def test_what_the_trainer_tells_does_not_change_the_fingerprint_but_terms_and_weights_do(folder: Path) -> None:
    config, before = read_config(folder), load(folder).fingerprint
    write_config(folder, replace(config, trained={"rows": 3}))
    assert load(folder).fingerprint == before
    assert describe(folder)["trained"] == {"rows": 3}
    write_config(folder, replace(config, encoder=replace(folders.CROPS, logit_bias=0.0)))
    assert load(folder).fingerprint != before
    other = save_tiny(folder.with_name("other"), colors=2 * folders.COLORS)
    assert load(other).fingerprint != before


def test_a_folder_tells_what_is_in_it(folder: Path) -> None:
    told = describe(folder)
    assert told["parameters"] == 9 + 15
    assert told["files"] == {file: (folder / file).stat().st_size for file in FILES}
    assert (told["architecture"], told["encoder"], told["model"]) == ("dual", "crops", {"kind": "tiny"})


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(file: str, folder: Path) -> None:
    (folder / file).unlink()
    with pytest.raises(ModelError, match=file):
        load(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_short_is_named(file: str, folder: Path) -> None:
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=file):
        load(folder)


@pytest.mark.parametrize("file", FILES[:-1])
def test_a_file_of_another_psi_is_named(file: str, folder: Path) -> None:
    other = save_tiny(folder.with_name("other"), colors=2 * folders.COLORS)
    (other / IMAGE).write_bytes((other / IMAGE).read_bytes() + b"\x00")
    (other / TEXT).write_bytes((other / TEXT).read_bytes() + b"\x00")
    (other / TOKENIZER).write_bytes((other / TOKENIZER).read_bytes() + b"\n")
    shutil.copy(other / file, folder / file)
    with pytest.raises(ModelError, match=f"{file} that it was saved with"):
        load(folder)


@pytest.mark.parametrize("file", FILES[:-1])
def test_a_file_that_is_a_pickle_is_an_error_even_where_the_configuration_vouches_for_it(
    file: str, folder: Path
) -> None:
    (folder / file).write_bytes(pickle.dumps({"colors": [1.0]}))
    resealed(folder)
    with pytest.raises(ModelError, match=file):
        scores(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_named(value: float, tmp_path: Path) -> None:
    meanings = folders.MEANINGS.copy()
    meanings[3, 1] = value
    with pytest.raises(ModelError, match="infinity in meanings"):
        load(save_tiny(tmp_path / "tiny", meanings=meanings))


def test_a_graph_that_points_outside_the_folder_is_an_error(folder: Path) -> None:
    shutil.copy(folder / WEIGHTS, folder.parent / "secret")
    (folder / IMAGE).write_bytes(folders._image_graph(folder, location="../secret"))
    resealed(folder)
    with pytest.raises(ModelError, match=IMAGE):
        scores(folder)


def test_an_image_graph_in_place_of_the_text_graph_is_an_error(folder: Path) -> None:
    shutil.copy(folder / IMAGE, folder / TEXT)
    resealed(folder)
    with pytest.raises(ModelError, match="could not run"):
        scores(folder)


def test_towers_that_do_not_fit_each_other_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"text features of size 2, got the shape \(3,\)"):
        scores(save_tiny(tmp_path / "tiny", colors=folders.COLORS[:, :2].copy()))


def test_features_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    huge = np.full((3, 3), 3e38, np.float32)
    with pytest.raises(ModelError, match="not finite"):
        scores(save_tiny(tmp_path / "tiny", colors=huge))


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "[" * 100_000, '{"format": 1, "format": 1}', "\x00\xff"])
def test_a_configuration_that_is_no_object_is_one_error(text: str, folder: Path) -> None:
    (folder / CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=CONFIG) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


CROPS: dict[str, Any] = json.loads(json.dumps({"width": 8, "height": 6, "mean": [0.5] * 3, "std": [0.5] * 3}))
CROPS |= {"logit_scale": 10.0, "logit_bias": -1.0}
TEXTS = {"most_tokens": 5, "pad_to": None, "pad_id": 0, "lower": True, "marks": True}
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("format", {"format": "other"}),
    ("version", {"version": 1}),
    ("version", {"version": 3}),
    ("version", {"version": True}),
    ("encoder", {"encoder": "wide"}),
    ("encoder", {"encoder": []}),
    ("dense", {"encoder": "dense"}),
    ("extra", {"extra": 1}),
    ("architecture", {"architecture": "joint"}),
    ("joint", {"joint": 5}),
    ("model", {"model": None}),
    ("trained", {"trained": []}),
    ("width", {"crops": CROPS | {"width": 0}}),
    ("width", {"crops": CROPS | {"width": 8.0}}),
    ("mean", {"crops": CROPS | {"mean": [0.5]}}),
    ("std", {"crops": CROPS | {"std": "fff"}}),
    ("logit_scale", {"crops": CROPS | {"logit_scale": 0}}),
    ("logit_bias", {"crops": CROPS | {"logit_bias": float("inf")}}),
    ("logit_bias", {"crops": CROPS | {"logit_bias": 10**400}}),
    ("logit_scale", {"crops": CROPS | {"logit_scale": 1e39}}),
    ("JSON", {"trained": {"loss": float("nan")}}),
    ("JSON", {"model": {"scale": float("-inf")}}),
    ("depth", {"crops": CROPS | {"depth": 3}}),
    ("crops", {"crops": 7}),
    ("most_tokens", {"text": TEXTS | {"most_tokens": 10**9}}),
    ("pad_to", {"text": TEXTS | {"pad_to": 4}}),
    ("pad_id", {"text": TEXTS | {"pad_id": -1}}),
    ("lower", {"text": TEXTS | {"lower": 1}}),
    ("marks", {"text": {name: value for name, value in TEXTS.items() if name != "marks"}}),
    (TEXT, {"files": {}}),
    ("hash", {"files": dict.fromkeys(FILES[:-1], 7)}),
    ("other.bin", {"files": dict.fromkeys((*FILES[:-1], "other.bin"), "00")}),
]


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_a_wrong_entry_is_named(name: str, change: dict[str, Any], folder: Path) -> None:
    edit_config(folder, **change)
    with pytest.raises(ModelError, match=name):
        load(folder)


DENSE = {"stride": 8, "area_px": 350_000, "sharpness": 1.5, "size_weight": 0.15}


@pytest.mark.parametrize(
    "change", [{"stride": 0}, {"stride": 7}, {"area_px": 5e5}, {"size_weight": "much"}, {"sharpness": -1.0}]
)
def test_a_wrong_term_of_a_dense_psi_is_named(change: dict[str, object], folder: Path) -> None:
    given = json.loads((folder / CONFIG).read_text())
    del given["crops"]
    (folder / CONFIG).write_text(json.dumps(given | {"encoder": "dense", "dense": DENSE | change}))
    with pytest.raises(ModelError, match=next(iter(change))):
        load(folder)


def test_a_number_too_large_for_a_float_is_no_infinity(folder: Path) -> None:
    text = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(text.replace('"trained": {}', '"trained": {"loss": 1e999}'))
    with pytest.raises(ModelError, match="JSON"):
        load(folder)


@pytest.mark.parametrize("make", [lambda: {"loss": float("nan")}, lambda: {"path": Path()}])
def test_what_json_cannot_hold_is_not_written(make: Callable[[], dict[str, Any]], folder: Path) -> None:
    before = (folder / CONFIG).read_bytes()
    with pytest.raises(ModelError, match="plain and finite"):
        write_config(folder, replace(read_config(folder), trained=make()))
    assert (folder / CONFIG).read_bytes() == before
