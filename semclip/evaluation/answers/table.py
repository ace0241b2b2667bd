"""Findings as tables to read: on a terminal (rich) and in Markdown. Every figure in full is in Findings.to_dict."""

from __future__ import annotations

from rich.console import Group, RenderableType

from semclip.evaluation.answers.findings import Findings, Paired, StrategyResult
from semclip.evaluation.cells import ABSENT, Rows, interval, markdown_table, p_cell, rich_table, share, with_interval

_RATES = ["set", "strategy", "n", "right", "tokens", "passes", "s", "headroom", "hit", "missed", "blind"]
_PAIRS = ["set", "strategy", "against", "diff", "95 %", "won", "lost", "p"]


def render_table(findings: Findings) -> RenderableType:
    """What was right, at what cost, and what each strategy won over the first."""
    return Group(*map(rich_table, _tables(findings)), describe(findings))


def to_markdown(findings: Findings) -> str:
    """The same as Markdown, without a newline at the end."""
    return "\n\n".join([*map(markdown_table, _tables(findings)), describe(findings)])


def describe(findings: Findings) -> str:
    """One line with what made the findings; all of it is in their protocol."""
    told = findings.protocol
    model = told["model"]["name"]
    return (
        f"semclip {findings.version}, protocol {findings.fingerprint[:12]}, model {model}, options {told['options']}, "
        f"seed {told['seed']}, ± 95 % bootstrap over images ({told['resamples']}), rejected: {len(findings.rejected)}"
    )


def _tables(findings: Findings) -> list[Rows]:
    rates = [_RATES, *(_rate_cells(one) for one in findings.results)]
    return [rates, [_PAIRS, *map(_pair_cells, findings.pairs)]] if findings.pairs else [rates]


def _rate_cells(one: StrategyResult) -> list[str]:
    tokens = ABSENT if one.visual_tokens is None else f"{one.visual_tokens:.0f}"
    cost = [tokens, f"{one.vlm_passes:.3g}", f"{one.seconds:.3f}"]
    missed = ABSENT if one.missed is None else with_interval(one.missed)
    shares = [share(one.headroom), share(one.hit), missed, share(one.blind)]
    return [one.set, one.strategy, str(one.questions), with_interval(one.accuracy), *cost, *shares]


def _pair_cells(one: Paired) -> list[str]:
    found = [share(one.difference.value), interval(one.difference), str(one.wins), str(one.losses)]
    return [one.set, one.strategy, one.other, *found, p_cell(one.p_value)]
