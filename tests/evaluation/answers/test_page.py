from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.errors import InputError
from semclip.evaluation.answers.findings import Findings
from semclip.evaluation.answers.page import page, write_page
from semclip.evaluation.report import Estimate, Rejected
from tests.evaluation.answers.sample_findings import EMPTY, FINDINGS, LOST, WON, pair, result
from tests.pages import Page

HOSTILE = '<script>alert("1")</script><img src=https://example.org/x> & \'"><b> \u202e \ud800'


def lines(html: str) -> list[str]:
    """Each line of each table, its cells parted by bars."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html)
    return ["|".join(re.findall(r"<t[hd][^>]*>([^<]*)<", row)) for row in rows]


def named(text: str) -> Findings:
    """Findings in which every word that can come from outside is `text`."""
    flip = replace(WON, set=text, item=text, question=text, expected=(text,), strategy=text, before=text, after=text)
    estimate = Estimate(0.5, 0.4, 0.6)
    return replace(
        FINDINGS,
        version=text,
        fingerprint=text,
        protocol={"model": text, text: {text: [{text: text}, text]}, "k": text},
        strategies=("overview", text),
        results=(
            result("overview", 0.4, 576, name=text),
            replace(result(text, 0.5, 1728, name=text), categories={text: estimate}),
        ),
        pairs=(pair(text, 0.1, name=text),),
        rejected=(Rejected(text, text, text),),
        flips=(flip, replace(flip, won=False)),
    )


def test_the_page_is_well_formed_and_asks_nothing_of_the_network() -> None:
    html = page(FINDINGS)
    read = Page(html)
    assert read.open == []
    assert read.named("script") == read.named("link") == read.named("iframe") == []
    assert all((picture["src"] or "").startswith("data:image/jpeg;base64,") for picture in read.named("img"))
    assert not re.search(r"https?:|url\(", html)
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in read.named("meta"))


def test_ids_are_unique_and_headings_follow_each_other() -> None:
    tags = Page(page(FINDINGS)).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids)) == 4
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels == [1, 2, 2, 2, 3, 2, 3, 2]


def test_the_head_says_what_was_asked_and_what_came_of_it() -> None:
    text = Page(page(FINDINGS)).text.replace("\u00a0", " ")
    assert "Answers of tiny-llava, with and without close-ups" in text
    assert "receipts, scene_text · 328 questions on 114 images" in text
    assert "embedded at k = 2: 71 % right, overview alone 42 %: +29 points (95 % 25 to 33, p < .001)" in text


def test_a_strategy_is_one_line_of_figures() -> None:
    shown = lines(page(FINDINGS))
    figures = "66.0 to 76.0|+29.0|25.0 to 33.0|&lt;.001|143 / 19|1,728|1|457|72|88|+2.0 (\N{MINUS SIGN}3.0 to 7.0)|–"
    assert f"embedded/2|71.0|{figures}" in shown
    assert "overview|42.0|37.0 to 47.0|–|–|–|–|576|1|457|–|–|–|–" in shown


def test_the_pooled_rows_come_last() -> None:
    titles = [line for line in lines(page(FINDINGS)) if "questions on" in line]
    assert [title.partition(" ")[0] for title in titles] == ["receipts", "scene_text", "pooled", "receipts"]


def test_categories_have_their_own_table_where_there_are_any() -> None:
    assert "total|25.0 ±5.0|25.0 ±5.0|25.0 ±5.0|25.0 ±5.0|25.0 ±5.0" in lines(page(FINDINGS))
    bare = replace(FINDINGS, results=tuple(replace(one, categories={}) for one in FINDINGS.results))
    assert "By category" not in page(bare)


def test_a_flip_shows_where_the_model_looked_and_what_it_said() -> None:
    read = Page(page(FINDINGS))
    for part in ("What is the total?", "1.20 or RM 1.20", "7.00 wrong", "1.20 right", "nothing wrong"):
        assert part in read.text
    assert len(read.named("img")) == 4
    assert {"class": "frame", "x": "10", "y": "20", "width": "100", "height": "100", "stroke": "#E69F00"} in read.named(
        "rect"
    )


def test_flips_are_parted_into_right_and_wrong() -> None:
    text = Page(page(FINDINGS)).text
    assert text.index("Turned right") < text.index("r-1") < text.index("Turned wrong") < text.index("r-2")
    assert Page(page(replace(FINDINGS, flips=(LOST,)))).text.count("None.") == 1
    assert Page(page(replace(FINDINGS, flips=()))).text.count("None.") == 2


def test_the_foot_holds_the_protocol_and_what_was_rejected() -> None:
    text = Page(page(FINDINGS)).text
    for part in ("0123456789abcdef", "1.2.3", "shuffled", "{question}\nShort.", "limit–", "bareFalse"):
        assert part in text
    assert "receipts r-9: cut off" in text
    assert "1 question was rejected" in text
    many = replace(FINDINGS, rejected=FINDINGS.rejected * 201)
    assert "And 1 more." in Page(page(many)).text
    assert "No question was rejected." in Page(page(replace(FINDINGS, rejected=()))).text


def test_what_is_not_known_is_a_dash() -> None:
    unknown = Estimate(math.nan, math.nan, math.nan)
    bare = result("overview", 0.4, None)
    one = replace(FINDINGS, strategies=("overview",), results=(replace(bare, accuracy=unknown),), pairs=(), flips=())
    assert "overview|–|– to –|–|–|–|–|–|1|457|–|–|–|–" in lines(page(one))
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[^\"]*", "", page(one)))


def test_findings_of_nothing_are_a_page_too() -> None:
    assert Page(page(EMPTY)).open == []
    assert "No question was answered." in page(EMPTY)


@pytest.mark.parametrize("model", ["tiny", {"name": "tiny"}])
def test_the_model_may_be_named_plainly(model: object) -> None:
    assert "Answers of tiny," in page(replace(FINDINGS, protocol={"model": model}))
    assert "Answers of a frozen model," in page(EMPTY)


def test_hostile_words_stay_text() -> None:
    read = Page(page(named(HOSTILE)))
    assert read.open == []
    assert read.named("script") == read.named("b") == []
    assert read.text.count(HOSTILE) >= 20


@given(st.text(max_size=60).map(lambda text: text + "<script>"))
def test_no_word_from_outside_becomes_markup(text: str) -> None:
    html = page(named(text))
    assert "<script" not in html
    assert Page(html).open == []


def test_what_is_written_is_what_was_made(tmp_path: Path) -> None:
    write_page(tmp_path / "new" / "page.html", FINDINGS)
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == page(FINDINGS)
    write_page(tmp_path / "page.html", named("bus \ud800?"))
    assert "bus ??" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_an_unwritable_path_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^cannot write .*; name a file in a folder you may write to$"):
        write_page(tmp_path, FINDINGS)
