"""The overlay, the heat map and the report."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.render import Reply, heat_map, overlay, report, write_overlay, write_report
from semclip.render.palette import BOX_COLOURS, HEAT_COLOURS, heat_colours
from semclip.selection import Selection
from semclip.types import Maker, Scored
from tests import strategies
from tests.fakes import ArrayPicture, spotted
from tests.pages import Page

SIZE = Size(400, 300)
BEST, SECOND = Box(40, 30, 140, 130), Box(250, 150, 350, 290)
HOSTILE = '<script>alert("1")</script><img src=https://example.org/x> & \'"><b> \u202e \ud800'


def selected(
    *considered: Scored, chosen: int = 2, question: str = "What number is on the bus?", size: Size = SIZE
) -> Selection:
    picture = ArrayPicture(spotted(size, {}))
    best = tuple(sorted(considered, key=lambda one: -one.score)[:chosen])
    return Selection(
        "a.jpg", question, picture, best, considered, Maker("color", "c0105", "pyramid", chosen, max_overlap=0.3)
    )


TWO = selected(Scored(BEST, 0.9), Scored(SECOND, 0.4), Scored(SIZE.box, -0.2))


shapes = st.builds(Size, st.integers(1, 40), st.integers(1, 40))
scored_in_view = st.lists(st.builds(Scored, strategies.boxes(Size(100, 100)), strategies.scores), max_size=12)


@given(scored_in_view, shapes)
def test_heat_lies_between_0_and_1_and_uses_both_ends(considered: list[Scored], shape: Size) -> None:
    heat = heat_map(considered, Size(100, 100), shape)
    assert heat.shape == (shape.height, shape.width)
    assert heat.min() == 0
    assert heat.max() in (0, 1)


@given(scored_in_view, shapes, strategies.boxes(Size(100, 100)))
def test_a_box_that_was_ruled_out_leaves_no_trace(considered: list[Scored], shape: Size, box: Box) -> None:
    size = Size(100, 100)
    with_it = heat_map([*considered, Scored(box, -np.inf)], size, shape)
    np.testing.assert_array_equal(with_it, heat_map(considered, size, shape))


@given(scored_in_view, st.floats(0.1, 10), st.floats(-10, 10))
def test_heat_does_not_depend_on_the_units_of_the_scores(considered: list[Scored], scale: float, shift: float) -> None:
    small = [Scored(one.box, one.score if np.isinf(one.score) else round(one.score) % 7) for one in considered]
    other = [Scored(one.box, one.score * scale + shift) for one in small]
    shape = Size(20, 20)
    expected = heat_map(small, Size(100, 100), shape)
    np.testing.assert_allclose(heat_map(other, Size(100, 100), shape), expected, atol=1e-6)


def test_the_mean_of_the_boxes_over_a_cell_decides() -> None:
    considered = [Scored(Box(0, 0, 30, 10), 0.0), Scored(Box(10, 0, 30, 10), 4.0), Scored(Box(20, 0, 30, 10), 8.0)]
    np.testing.assert_allclose(heat_map(considered, Size(30, 10), Size(3, 1)), [[0.0, 0.5, 1.0]])


def test_a_box_smaller_than_a_cell_counts() -> None:
    considered = [Scored(Box(55, 55, 56, 56), 1.0), Scored(Box(0, 0, 100, 100), 0.0)]
    assert np.argwhere(heat_map(considered, Size(100, 100), Size(10, 10)) == 1).tolist() == [[5, 5]]


@pytest.mark.parametrize("considered", [[], [Scored(Box(0, 0, 9, 9), -np.inf)], [Scored(Box(0, 0, 9, 9), 3.0)]])
def test_nothing_stands_out_where_nothing_differs(considered: list[Scored]) -> None:
    assert not heat_map(considered, Size(9, 9), Size(3, 3)).any()


def test_heat_colours_rise_in_brightness() -> None:
    assert (np.diff(heat_colours(np.linspace(0, 1, 50)).astype(float) @ [0.3, 0.59, 0.11]) > 0).all()
    assert len(set(HEAT_COLOURS)) == len(HEAT_COLOURS)


def test_the_overlay_dims_what_was_not_chosen() -> None:
    pixels = np.asarray(overlay(TWO))
    assert pixels.shape == (300, 400, 3)
    np.testing.assert_array_equal(pixels[100, 90], [128] * 3)
    np.testing.assert_array_equal(pixels[10, 200], [64] * 3)


def test_each_box_has_its_own_colour_between_black_rims_and_keeps_its_pixels() -> None:
    pixels = np.asarray(overlay(TWO))[:, :, 0]
    for box, colour in zip((BEST, SECOND), BOX_COLOURS, strict=False):
        red = int(colour[1:3], 16)
        assert pixels[box.bottom - 20, box.left - 5 : box.left + 1].tolist() == [64, 0, red, red, 0, 128]


def test_a_box_at_the_edge_of_the_image_is_framed_on_all_sides() -> None:
    pixels = np.asarray(overlay(selected(Scored(SIZE.box, 1.0), chosen=1)))[:, :, 0]
    for edge in (pixels[200, :4], pixels[200, :-5:-1], pixels[:4, 200], pixels[:-5:-1, 200]):
        assert edge.tolist() == [0, 0xE6, 0xE6, 0]


def test_a_large_picture_is_shrunk() -> None:
    assert overlay(selected(Scored(BEST, 1.0), size=Size(3200, 1000))).size == (1600, 500)


def test_nothing_chosen_dims_nothing() -> None:
    np.testing.assert_array_equal(np.asarray(overlay(selected(chosen=0))), 128)


@given(st.lists(strategies.boxes(Size(60, 40)), min_size=1, max_size=9), st.integers(1, 60))
def test_any_boxes_can_be_drawn(boxes: list[Box], long_side_px: int) -> None:
    shown = overlay(
        selected(*(Scored(box, 1.0) for box in boxes), chosen=9, size=Size(60, 40)), long_side_px=long_side_px
    )
    assert max(shown.size) == long_side_px


def test_the_report_is_well_formed_and_asks_nothing_of_the_network() -> None:
    page = Page(report([TWO, TWO]))
    assert page.open == []
    assert page.named("script") == page.named("link") == page.named("iframe") == []
    sources = [attributes["src"] or "" for attributes in page.named("img")]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "url(" not in report([TWO])
    assert not re.search(r"https?:", report([TWO]))
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in page.named("meta"))


def test_photos_are_jpeg_and_every_picture_is_described() -> None:
    pictures = Page(report([TWO])).named("img")
    kinds = [re.match("data:image/([a-z]+)", picture["src"] or "") for picture in pictures]
    assert [kind[1] for kind in kinds if kind] == ["jpeg", "png", "jpeg", "jpeg"]
    assert all(picture["alt"] for picture in pictures)


def test_headings_follow_each_other() -> None:
    levels = [int(tag[1]) for tag, _ in Page(report([TWO])).tags if re.fullmatch("h[1-6]", tag)]
    assert levels == [1, 2, 3, 3]


def test_the_report_says_what_was_asked_chosen_and_considered_and_by_what() -> None:
    text = Page(report([TWO])).text
    for part in (
        TWO.question,
        "40, 30, 140, 130",
        "0.900",
        "0.400",
        "3 boxes",
        "400 × 300 px",
        "color",
        "c0105",
        "pyramid",
    ):
        assert part in text
    assert TWO.picture.digest in text


def test_the_report_names_the_file_but_not_its_folder() -> None:
    chosen = Selection("/home/someone/a.jpg", "?", TWO.picture, TWO.chosen, TWO.considered, TWO.made_by)
    assert "a.jpg" in report([chosen])
    assert "someone" not in report([chosen])


def test_the_report_says_what_was_answered_both_ways() -> None:
    page = Page(report([TWO, TWO], [Reply("a/model", "<b>7", "3")]))
    assert "From the overview alone3With the crops<b>7" in page.text
    assert page.text.count("a/model") == 1
    assert len(page.named("article")) == 2


def test_the_report_names_a_model_but_not_its_folder() -> None:
    page = Page(report([TWO], [Reply("/srv/models/small", "7")]))
    assert "answers of small" in page.text
    assert "alone" not in page.text


def test_ids_are_unique_with_many_selections() -> None:
    ids = [attributes["id"] for _, attributes in Page(report([TWO, TWO, TWO])).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_hostile_question_stays_text() -> None:
    page = Page(report([selected(Scored(BEST, 1.0), question=HOSTILE)]))
    assert page.open == []
    assert page.named("script") == page.named("b")[1:] == []
    assert HOSTILE in page.text


def test_hostile_names_of_makers_stay_text() -> None:
    maker = Maker(HOSTILE, HOSTILE, HOSTILE, 2, max_overlap=0.3, max_visual_tokens=1728)
    page = Page(report([Selection(HOSTILE, "?", TWO.picture, TWO.chosen, TWO.considered, maker)]))
    assert page.named("script") == []
    assert page.text.count(HOSTILE) == 3
    assert "1,728" in page.text


@pytest.mark.parametrize("scores", [[], [-np.inf], [1.0, 1.0], [1.0, 1.0 + 2e-16], [-np.inf, 1e-300, 5.0], [1e6, -1e6]])
def test_any_scores_can_be_reported(scores: list[float]) -> None:
    considered = [Scored(Box(n, n, n + 50, n + 50), score) for n, score in enumerate(scores)]
    html = report([selected(*considered, chosen=sum(np.isfinite(scores)))])
    assert Page(html).open == []
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[^\"]*", "", html))


def test_what_is_written_is_what_was_made(tmp_path: Path) -> None:
    write_report(tmp_path / "new" / "r.html", [TWO])
    write_overlay(tmp_path / "new" / "o.png", TWO)
    assert (tmp_path / "new" / "r.html").read_text(encoding="utf-8") == report([TWO])
    assert (tmp_path / "new" / "o.png").read_bytes().startswith(b"\x89PNG")


def test_lone_surrogates_do_not_stop_a_report(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", [selected(Scored(BEST, 1.0), question="bus \ud800?")])
    assert "bus ??" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_an_unwritable_path_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^cannot write .*; name a file in a folder you may write to$"):
        write_report(tmp_path, [TWO])
