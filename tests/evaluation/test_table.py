from __future__ import annotations

import io
import math
from dataclasses import replace

from rich.console import Console

from semclip.evaluation.report import Comparison, Estimate, Rejected, Report, Result
from semclip.evaluation.table import describe, render_table, to_markdown
from semclip.types import Maker

RESULT = Result(
    set="receipts",
    psi="embedded",
    images=114,
    questions=328,
    hit={1: Estimate(0.25, 0.21, 0.29), 2: Estimate(0.5, 0.45, 0.55), 4: Estimate(1.0, 1.0, 1.0)},
    tight={1: Estimate(0.125, 0.1, 0.15), 2: Estimate(0.3, 0.2, 0.4), 4: Estimate(0.5, 0.4, 0.6)},
    headroom={1: -0.04, 2: 0.5, 4: math.nan},
    visual_tokens={1: 1152, 2: 1727.6, 4: 2880},
    median_rank=3.5,
    embed_s=0.1234,
    score_s=0.00042,
)
MISSED = replace(RESULT, psi="center", median_rank=math.inf)
COMPARISON = Comparison("receipts", "embedded", "center", 2, Estimate(-0.06, -0.12, 0.004), 43, 62, 0.0874)
REPORT = Report(
    version="1.2.3",
    split="dev",
    limit=None,
    seed=7,
    resamples=2000,
    max_overlap=0.3,
    ks=(1, 2, 4),
    psi=(Maker("embedded", "0123456789abcdef", "pyramid", 4, 0.3), Maker("center", "fedcba98", "pyramid", 4, 0.3)),
    results=(RESULT, MISSED, replace(RESULT, set="scene_text"), replace(MISSED, set="scene_text")),
    comparisons=(COMPARISON, replace(COMPARISON, p_value=1e-9)),
    rejected=(Rejected("receipts", "a-1", "broken"),),
)


def rendered(report: Report, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(render_table(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_result_is_one_line_of_markdown() -> None:
    assert to_markdown(REPORT).splitlines()[:4] == [
        "| set | ψ | n | hit@1 | hit@2 | hit@4 | tight@1/2/4 | rank | headroom@1/2/4 | tokens@1/2/4 | ms/image |"
        " ms/question |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| receipts | embedded | 328 | .25 ±.04 | .50 ±.05 | 1.00 ±.00 | .12/.30/.50 | 3.5 | -.04/.50/– |"
        " 1152/1728/2880 | 123 | 0.4 |",
        "| receipts | center | 328 | .25 ±.04 | .50 ±.05 | 1.00 ±.00 | .12/.30/.50 | – | -.04/.50/– |"
        " 1152/1728/2880 | 123 | 0.4 |",
    ]


def test_a_comparison_is_one_line_of_markdown() -> None:
    lines = to_markdown(REPORT).splitlines()
    assert "| receipts | embedded | center | 2 | -.06 | -.12 to .00 | 43 | 62 | .087 |" in lines
    assert "| receipts | embedded | center | 2 | -.06 | -.12 to .00 | 43 | 62 | <.001 |" in lines


def test_one_psi_has_no_table_of_comparisons() -> None:
    alone = replace(REPORT, comparisons=())
    assert "against" not in to_markdown(alone)
    assert "against" not in "".join(rendered(alone, 80))


def test_the_last_line_says_how_to_make_it_again() -> None:
    assert describe(REPORT) == (
        "semclip 1.2.3, split dev, ψ embedded 01234567, center fedcba98, proposer pyramid, max overlap 0.3, "
        "± 95 % bootstrap over images (2000, seed 7), rejected: 1"
    )
    assert to_markdown(REPORT).endswith(describe(REPORT))


def test_a_bar_in_a_name_does_not_break_markdown() -> None:
    odd = replace(REPORT, results=(replace(RESULT, psi="a|b"),), comparisons=())
    assert r"| receipts | a\|b | 328 |" in to_markdown(odd)


def test_a_terminal_of_80_columns_shows_every_figure_whole() -> None:
    lines = rendered(REPORT, 80)
    assert max(map(len, lines)) <= 80
    shown = " ".join(" ".join(lines).split())
    for figures in (
        "receipts embedded 328 .25 ±.04 .50 ±.05 1.00 ±.00 .12/.30/.50 3.5",
        "receipts embedded -.04/.50/– 1152/1728/2880 123 0.4",
        "receipts embedded center 2 -.06 -.12 to .00 43 62 .087",
    ):
        assert figures in shown


def test_a_set_is_named_once_in_each_table() -> None:
    lines = rendered(replace(REPORT, comparisons=()), 120)
    assert sum("receipts" in line for line in lines) == 2
    assert sum("center" in line for line in lines if "fedcba98" not in line) == 4


def test_a_report_without_results_still_renders() -> None:
    empty = replace(REPORT, results=(), comparisons=())
    assert "rejected: 1" in to_markdown(empty)
    assert rendered(empty, 80)
