from __future__ import annotations

import math
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.answers.plots import accuracy_plot, tokens_plot
from semclip.evaluation.report import POOLED, Estimate
from tests.evaluation.answers.sample_findings import result, rows
from tests.pages import Page

ROWS = rows(POOLED)
NAMES = [row.strategy for row in ROWS]
NUMBER = re.compile(r"\b(nan|inf)\b")

shares = st.floats(0, 1)
amounts = st.one_of(st.none(), st.just(math.nan), st.just(0.0), st.floats(1e-3, 1e9))
names = st.one_of(st.sampled_from([*NAMES, "best:16", "blind"]), st.text(max_size=40))
results = st.lists(st.builds(result, names, shares, amounts), max_size=8)


def tops(svg: str, strategies: list[str]) -> list[float]:
    """How far down the name of each strategy stands."""
    return [
        float(match[1]) for name in strategies if (match := re.search(rf'y="([\d.]+)" text-anchor="\w+">{name}<', svg))
    ]


def test_the_most_often_right_is_on_top() -> None:
    heights = tops(accuracy_plot(ROWS, first="overview"), ["oracle/2", "embedded/2", "embedded/1", "tiles", "overview"])
    assert len(heights) == 5
    assert heights == sorted(heights)


def test_intervals_and_values_are_drawn() -> None:
    svg = accuracy_plot(ROWS, first="overview")
    assert svg.count('class="interval"') == len(ROWS)
    assert svg.count('class="reference"') == 1
    assert ">71.0<" in svg
    assert "embedded/2: 71.0 % (66.0 to 76.0)" in svg


def test_shapes_tell_what_colours_tell() -> None:
    for svg in (accuracy_plot(ROWS, first="overview"), tokens_plot(ROWS)):
        shapes = {shape: len(Page(svg).named(shape)) for shape in ("circle", "rect", "path")}
        assert shapes == {"circle": 2, "rect": 2, "path": 1}


def test_a_line_joins_the_numbers_of_crops_of_one_psi() -> None:
    (line,) = Page(tokens_plot(ROWS)).named("polyline")
    assert line["class"] == "psi colour0"
    places = [tuple(map(float, corner.split(","))) for corner in (line["points"] or "").split()]
    assert len(places) == 2
    assert places[0] < places[1]
    assert places[0][1] > places[1][1]


def test_fewer_tokens_stand_further_left() -> None:
    circles = Page(tokens_plot(ROWS)).named("circle")
    assert [float(circle["cx"] or 0) for circle in circles] == sorted(float(circle["cx"] or 0) for circle in circles)


def test_tokens_that_differ_widely_are_drawn_on_a_scale_of_multiples() -> None:
    svg = tokens_plot([result("overview", 0.4, 100), result("embedded/1", 0.5, 10_000)])
    assert all(f">{tick}<" in svg for tick in ("100", "200", "500", "1,000", "10,000"))


def test_what_has_no_tokens_is_in_no_plot_of_tokens() -> None:
    blind = result("blind", 0.1, 0)
    assert "blind" not in tokens_plot([*ROWS, blind])
    assert "blind" in accuracy_plot([*ROWS, blind], first="overview")


def test_nothing_to_draw_is_said() -> None:
    unknown = replace(ROWS[0], accuracy=Estimate(math.nan, math.nan, math.nan))
    assert accuracy_plot([unknown], first="overview") == accuracy_plot([], first="") == "<p>No accuracy is known.</p>"
    assert tokens_plot([unknown]) == tokens_plot([]) == "<p>No visual tokens were counted.</p>"


def test_an_unknown_interval_leaves_the_dot() -> None:
    svg = accuracy_plot([replace(ROWS[3], accuracy=Estimate(0.5, math.nan, math.nan))], first="overview")
    assert len(Page(svg).named("circle")) == 1
    assert not NUMBER.search(svg)


def test_each_plot_is_told_to_those_who_do_not_see_it() -> None:
    page = Page(accuracy_plot(ROWS, first="overview") + tokens_plot(ROWS))
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    drawings = page.named("svg")
    assert [drawing["role"] for drawing in drawings] == ["img", "img"]
    assert ids == {word for drawing in drawings for word in (drawing["aria-labelledby"] or "").split()}
    assert len(page.named("desc")) == 2


def test_a_long_name_keeps_its_end_and_is_told_in_full() -> None:
    svg = accuracy_plot([result("folders/of/someone/psi-of-receipts/2", 0.5, 100)], first="overview")
    assert ">…psi-of-receipts/2<" in svg
    assert "folders/of/someone/psi-of-receipts/2: 50.0" in svg


@given(results)
def test_any_results_can_be_drawn(some: list[object]) -> None:
    drawn = [one for one in some if isinstance(one, type(ROWS[0]))]
    svg = accuracy_plot(drawn, first="overview") + tokens_plot(drawn)
    assert Page(svg).open == []
    assert not NUMBER.search(re.sub(r">[^<]*<", "><", svg))
