"""Finding answers in words: what counts, what does not, and where they stand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semclip.mining.readers.matching import Match, Word, edits, matches, needed, normalised


def line(*texts: str, top: float = 0) -> list[Word]:
    """Words side by side, each character 10 px wide, a line 10 px high."""
    words, left = list[Word](), 0.0
    for text in texts:
        words.append(Word(text, (left, top, left + 10 * len(text), top + 10)))
        left += 10 * len(text) + 10
    return words


def found(answer: str, words: list[Word]) -> list[Match]:
    return list(matches(normalised(answer), words))


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ("80.90", ("TOTAL", "80.90")),
        ("80.90", ("RM80.90",)),
        ("80.90", ("Total:80.90,",)),
        ("80.90", ("80", ".", "90")),
        ("Yongfatt Enterprise", ("YONGFATT", "ENTERPRISE")),
        ("YONGFATT ENTERPRISE", ("YONGFATTENTERPRISE",)),
        ('"Stop!"', ("STOP",)),
        ("„Stopp!“", ("STOPP",)),
        ("«stop»…", ("stop",)),
        ("€ 80.90", ("80.90",)),
        ("\u200b停止。", ("停止",)),
        ("café", ("Cafe\u0301",)),
    ],
)
def test_case_spaces_and_marks_around_it_do_not_matter(answer: str, texts: tuple[str, ...]) -> None:
    assert [match.similarity for match in found(answer, line(*texts))] == [1]


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ("80.90", ("180.90",)),
        ("80.90", ("80.901",)),
        ("80", ("80.90",)),
        ("12", ("25/12/2018",)),
        ("80.90", ("80.50",)),
        ("stop", ("shop",)),
        ("stop", ("stopped",)),
        ("Yongfatt", ("Ymgfett",)),
        ("80.90", ()),
    ],
)
def test_a_part_of_a_word_or_number_is_no_answer_nor_is_what_reads_otherwise(
    answer: str, texts: tuple[str, ...]
) -> None:
    assert found(answer, line(*texts)) == []


def test_of_long_answers_a_fifth_of_the_characters_may_be_misread() -> None:
    (match,) = found("YONGFATT ENTERPRISE", line("Y0NGFATT", "ENTERPR1SE"))
    assert match.similarity == pytest.approx(16 / 18)


def test_a_match_stands_where_its_characters_do() -> None:
    words = [*line("TOTAL", "RM80.90"), *line("CASH", top=20)]
    assert found("80.90", words) == [Match(1, (80, 0, 130, 10))]


def test_an_answer_may_run_across_lines() -> None:
    words = [*line("NO", "5", "MAIN"), *line("STREET", top=20), *line("TEL", top=40)]
    assert found("5 Main Street", words) == [Match(1, (0, 0, 90, 30))]


def test_every_place_counts_the_best_first() -> None:
    words = [*line("ENTERPRIZE"), *line("ENTERPRISE", top=20), *line("OTHER", top=40), *line("ENTERPRISE", top=60)]
    assert [(match.similarity, match.edges[1]) for match in found("Enterprise", words)] == [(1, 20), (1, 60), (0.9, 0)]


@given(st.lists(st.text("ab12 .", min_size=1, max_size=6), max_size=5), st.text("ab12", min_size=1, max_size=6))
def test_matches_read_well_enough_stand_in_the_words_and_never_twice_in_one_place(
    texts: list[str], answer: str
) -> None:
    words = line(*texts)
    several = found(answer, words)
    assert all(needed(answer) <= match.similarity <= 1 for match in several)
    assert [match.similarity for match in several] == sorted((match.similarity for match in several), reverse=True)
    assert all(0 <= match.edges[0] < match.edges[2] <= words[-1].edges[2] for match in several)
    spans = sorted((match.edges[0], match.edges[2]) for match in several)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def by_recursion(a: str, b: str) -> int:
    """Levenshtein's distance as it is defined."""
    if not a or not b:
        return len(a) + len(b)
    changed = by_recursion(a[1:], b[1:]) + (a[0] != b[0])
    return min(changed, by_recursion(a[1:], b) + 1, by_recursion(a, b[1:]) + 1)


@given(st.text("ab1", min_size=1, max_size=4), st.text("ab1", max_size=5), st.data())
def test_edits_are_the_fewest_to_any_run_from_an_allowed_start(answer: str, text: str, data: st.DataObject) -> None:
    starts = np.array(data.draw(st.lists(st.booleans(), min_size=len(text) + 1, max_size=len(text) + 1)))
    starts[0] = True
    expected = [
        min(by_recursion(answer, text[start:end]) for start in range(end + 1) if starts[start])
        for end in range(len(text) + 1)
    ]
    assert edits(answer, text, starts).tolist() == expected
