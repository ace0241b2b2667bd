"""A report as tables to read: on a terminal (rich) and in Markdown. Every figure in full is in Report.to_dict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from semclip.evaluation.report import Comparison, Estimate, Report, Result

_ABSENT = "–"
_WORDS = ("set", "ψ", "against")
_COMPARISON = ["set", "ψ", "against", "k", "diff", "95 %", "won", "lost", "p"]

Rows = list[list[str]]
"""The header and the lines below it; the first two cells of a line are its set and its ψ."""


def render_table(report: Report) -> RenderableType:
    """What was hit, at what cost, and the comparisons where there are any: tables that fit 80 columns for three k."""
    tables = [_rates(report), _joined(_keys(report), _costs(report))]
    if report.comparisons:
        tables.append(_comparisons(report))
    return Group(*map(_rich, tables), describe(report))


def to_markdown(report: Report) -> str:
    """The same with rates and costs in one table, as Markdown, without a newline at the end."""
    tables = [_joined(_rates(report), _costs(report))]
    if report.comparisons:
        tables.append(_comparisons(report))
    return "\n\n".join([*map(_markdown, tables), describe(report)])


def describe(report: Report) -> str:
    """One line with what is needed to make the report again."""
    made_by = ", ".join(f"{maker.psi} {maker.fingerprint[:8]}" for maker in report.psi)
    overlap = "" if report.max_overlap is None else f"max overlap {report.max_overlap:g}, "
    return (
        f"semclip {report.version}, split {report.split or 'all'}, ψ {made_by}, proposer {report.psi[0].proposer}, "
        f"{overlap}± 95 % bootstrap over images ({report.resamples}, seed {report.seed}), "
        f"rejected: {len(report.rejected)}"
    )


def _keys(report: Report) -> Rows:
    return [["set", "ψ"], *([one.set, one.psi] for one in report.results)]


def _rates(report: Report) -> Rows:
    header = ["set", "ψ", "n", *(f"hit@{k}" for k in report.ks), _at("tight", report), "rank"]
    return [header, *([one.set, one.psi, str(one.questions), *_rate_cells(one)] for one in report.results)]


def _rate_cells(one: Result) -> list[str]:
    hits = [_with_interval(estimate) for estimate in one.hit.values()]
    tight = _slashed(_share, (estimate.value for estimate in one.tight.values()))
    return [*hits, tight, f"{one.median_rank:.3g}" if math.isfinite(one.median_rank) else _ABSENT]


def _costs(report: Report) -> Rows:
    header = [_at("headroom", report), _at("tokens", report), "ms/image", "ms/question"]
    return [header, *(_cost_cells(one) for one in report.results)]


def _cost_cells(one: Result) -> list[str]:
    headroom = _slashed(_share, one.headroom.values())
    tokens = _slashed("{:.0f}".format, one.visual_tokens.values())
    return [headroom, tokens, _milliseconds(one.embed_s), _milliseconds(one.score_s)]


def _comparisons(report: Report) -> Rows:
    return [_COMPARISON, *(_comparison_cells(one) for one in report.comparisons)]


def _comparison_cells(one: Comparison) -> list[str]:
    interval = f"{_share(one.difference.low)} to {_share(one.difference.high)}"
    p_value = "<.001" if one.p_value < 0.001 else f"{one.p_value:.3f}".replace("0.", ".", 1)
    counts = [str(one.wins), str(one.losses)]
    return [one.set, one.psi, one.other, str(one.k), _share(one.difference.value), interval, *counts, p_value]


def _at(measure: str, report: Report) -> str:
    return f"{measure}@{'/'.join(map(str, report.ks))}"


def _with_interval(estimate: Estimate) -> str:
    """The value and half the width of its interval."""
    return f"{_share(estimate.value)} ±{_share((estimate.high - estimate.low) / 2)}"


def _share(value: float) -> str:
    """Two decimals without the leading zero.

    >>> _share(0.25), _share(-0.5), _share(1.0), _share(-0.001), _share(math.nan)
    ('.25', '-.50', '1.00', '.00', '–')
    """
    return f"{value:z.2f}".replace("0.", ".", 1) if math.isfinite(value) else _ABSENT


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f}"


def _slashed(shown: Callable[[float], str], values: Iterable[float]) -> str:
    return "/".join(map(shown, values))


def _joined(left: Rows, right: Rows) -> Rows:
    return [[*one, *other] for one, other in zip(left, right, strict=True)]


def _rich(rows: Rows) -> Table:
    """A table with a rule between sets, whose name stands in the first of their lines only."""
    header, *lines = rows
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in header:
        is_word = column in _WORDS
        table.add_column(column, justify="left" if is_word else "right", overflow="fold", no_wrap=not is_word)
    for name, group in groupby(lines, key=lambda line: line[0]):
        for index, cells in enumerate(group):
            table.add_row("" if index else name, *cells[1:])
        table.add_section()
    return table


def _markdown(rows: Rows) -> str:
    header, *lines = rows
    return "\n".join(_markdown_line(cells) for cells in [header, ["---"] * len(header), *lines])


def _markdown_line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
