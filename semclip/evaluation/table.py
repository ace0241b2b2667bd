"""A report as tables to read: on a terminal (rich) and in Markdown. Every figure in full is in Report.to_dict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from rich.console import Group, RenderableType

from semclip.evaluation.cells import ABSENT, Rows, interval, markdown_table, p_cell, rich_table, share, with_interval
from semclip.evaluation.report import Comparison, Report, Result

_COMPARISON = ["set", "ψ", "against", "k", "diff", "95 %", "won", "lost", "p"]


def render_table(report: Report) -> RenderableType:
    """What was hit, at what cost, and the comparisons where there are any: tables that fit 80 columns for three k."""
    tables = [_rates(report), _joined(_keys(report), _costs(report))]
    if report.comparisons:
        tables.append(_comparisons(report))
    return Group(*map(rich_table, tables), describe(report))


def to_markdown(report: Report) -> str:
    """The same with rates and costs in one table, as Markdown, without a newline at the end."""
    tables = [_joined(_rates(report), _costs(report))]
    if report.comparisons:
        tables.append(_comparisons(report))
    return "\n\n".join([*map(markdown_table, tables), describe(report)])


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
    hits = [with_interval(estimate) for estimate in one.hit.values()]
    tight = _slashed(share, (estimate.value for estimate in one.tight.values()))
    return [*hits, tight, f"{one.median_rank:.3g}" if math.isfinite(one.median_rank) else ABSENT]


def _costs(report: Report) -> Rows:
    header = [_at("headroom", report), _at("tokens", report), "ms/image", "ms/question"]
    return [header, *(_cost_cells(one) for one in report.results)]


def _cost_cells(one: Result) -> list[str]:
    headroom = _slashed(share, one.headroom.values())
    tokens = _slashed("{:.0f}".format, one.visual_tokens.values())
    return [headroom, tokens, _milliseconds(one.embed_s), _milliseconds(one.score_s)]


def _comparisons(report: Report) -> Rows:
    return [_COMPARISON, *(_comparison_cells(one) for one in report.comparisons)]


def _comparison_cells(one: Comparison) -> list[str]:
    found = [share(one.difference.value), interval(one.difference), str(one.wins), str(one.losses)]
    return [one.set, one.psi, one.other, str(one.k), *found, p_cell(one.p_value)]


def _at(measure: str, report: Report) -> str:
    return f"{measure}@{'/'.join(map(str, report.ks))}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f}"


def _slashed(shown: Callable[[float], str], values: Iterable[float]) -> str:
    return "/".join(map(shown, values))


def _joined(left: Rows, right: Rows) -> Rows:
    return [[*one, *other] for one, other in zip(left, right, strict=True)]
