"""Results as HTML tables: every strategy on every set, and on every category of a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby

from semclip.evaluation.answers.findings import Findings, Paired, StrategyResult
from semclip.evaluation.answers.names import classes
from semclip.evaluation.answers.outcome import against_first
from semclip.evaluation.cells import p_cell
from semclip.evaluation.report import Estimate
from semclip.render.wording import ABSENT, counted, figure_text, percent_text

_COSTS = ("visual tokens", "VLM passes", "ms / question", "headroom, %", "hit, %", "if missed, points", "also blind, %")

Cells = Iterable[str]
"""The cells of a line as text; the first is its name."""


def rates_table(findings: Findings) -> str:
    """A line for each strategy on each set: how often right, set against the first strategy, and at what cost."""
    first = findings.strategies[0] if findings.strategies else ABSENT
    header = ("strategy", "right, %", "95 %", f"against {first}", "95 %", "p", "won / lost", *_COSTS)
    pairs = against_first(findings)
    style = classes(findings.strategies)
    bodies = [
        _body(title, [(style.get(one.strategy, ""), _cells(one, pairs.get((one.set, one.strategy)))) for one in rows])
        for title, rows in _by_set(findings.results)
    ]
    return _table("Every strategy on every set", header, bodies)


def categories_table(findings: Findings) -> str:
    """A line for each category of each set with the accuracy of each strategy; nothing where no set has categories."""
    bodies = [
        _body(title, [("", _category_cells(category, rows, findings.strategies)) for category in _categories(rows)])
        for title, rows in _by_set(findings.results)
        if _categories(rows)
    ]
    return _table("Right by category, %", ("category", *findings.strategies), bodies) if bodies else ""


def _by_set(results: Sequence[StrategyResult]) -> list[tuple[str, list[StrategyResult]]]:
    """The results of each set under its name and numbers."""
    groups = [list(group) for _, group in groupby(results, key=lambda one: one.set)]
    return [(_title(rows[0]), rows) for rows in groups]


def _title(one: StrategyResult) -> str:
    questions = counted(one.questions, "question", "questions")
    return f"{one.set} · {questions} on {counted(one.images, 'image', 'images')}"


def _cells(one: StrategyResult, pair: Paired | None) -> list[str]:
    return [
        one.strategy,
        percent_text(one.accuracy.value),
        _interval(one.accuracy),
        *(_pair_cells(pair) if pair else [ABSENT] * 4),
        figure_text(one.visual_tokens, ",.0f"),
        figure_text(one.vlm_passes, ",.3g"),
        figure_text(1000 * one.seconds, ",.0f"),
        percent_text(one.headroom, decimals=0),
        percent_text(one.hit, decimals=0),
        ABSENT if one.missed is None else f"{_points(one.missed)} ({_interval(one.missed)})",
        percent_text(one.blind, decimals=0),
    ]


def _pair_cells(pair: Paired) -> list[str]:
    return [_points(pair.difference), _interval(pair.difference), p_cell(pair.p_value), f"{pair.wins} / {pair.losses}"]


def _points(estimate: Estimate) -> str:
    return figure_text(100 * estimate.value, "+z.1f")


def _interval(estimate: Estimate) -> str:
    return f"{percent_text(estimate.low)} to {percent_text(estimate.high)}"


def _categories(rows: Sequence[StrategyResult]) -> list[str]:
    return list(dict.fromkeys(category for one in rows for category in one.categories))


def _category_cells(category: str, rows: Sequence[StrategyResult], strategies: Sequence[str]) -> Cells:
    known: Mapping[str, Estimate | None] = {one.strategy: one.categories.get(category) for one in rows}
    estimates = [known.get(strategy) for strategy in strategies]
    return [category, *(ABSENT if one is None else _spread(one) for one in estimates)]


def _spread(estimate: Estimate) -> str:
    """The value and half the width of its interval."""
    return f"{percent_text(estimate.value)} ±{percent_text((estimate.high - estimate.low) / 2)}"


def _table(caption: str, header: Cells, bodies: Iterable[str]) -> str:
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
    lines = "\n".join(bodies)
    return f"""<div class="wide" tabindex="0" role="group" aria-label="{caption}">
<table>
<thead><tr>{titles}</tr></thead>
{lines}
</table>
</div>"""


def _body(title: str, lines: Iterable[tuple[str, Cells]]) -> str:
    """The lines of one set under its title; each comes with its CSS classes."""
    shown = "\n".join(f'<tr class="{style}">{_line(cells)}</tr>' for style, cells in lines)
    return f'<tbody>\n<tr><th class="set" colspan="99" scope="rowgroup">{escape(title)}</th></tr>\n{shown}\n</tbody>'


def _line(cells: Cells) -> str:
    name, *figures = cells
    return f'<th scope="row">{escape(name)}</th>' + "".join(f"<td>{escape(figure)}</td>" for figure in figures)
