"""What findings come down to: the rows that stand for all sets, what is set against what, and one sentence."""

from __future__ import annotations

from semclip.evaluation.answers.findings import Findings, Paired, StrategyResult
from semclip.evaluation.answers.names import crops, family, look
from semclip.evaluation.cells import p_cell
from semclip.evaluation.report import POOLED
from semclip.render.wording import figure_text, percent_text


def overall(findings: Findings) -> tuple[StrategyResult, ...]:
    """The results of all sets together, or of the only set, in the order of the strategies."""
    sets = {one.set for one in findings.results}
    wanted = POOLED if POOLED in sets else next((one.set for one in findings.results), POOLED)
    return tuple(one for one in findings.results if one.set == wanted)


def against_first(findings: Findings) -> dict[tuple[str, str], Paired]:
    """From set and strategy to what sets the strategy against the first one."""
    first = findings.strategies[0] if findings.strategies else ""
    return {(one.set, one.strategy): one for one in findings.pairs if one.other == first}


def leading(findings: Findings) -> str | None:
    """The strategy that the page is about: whose flips are shown, else the first ψ, else the second; None without."""
    others = findings.strategies[1:]
    candidates = [*(one.strategy for one in findings.flips), *(name for name in others if look(name) == "psi"), *others]
    return next(iter(candidates), None)


def headline(findings: Findings) -> str:
    """How often the leading strategy is right, how often the first one, the difference between them and its cost."""
    rows = {one.strategy: one for one in overall(findings)}
    if not findings.strategies or findings.strategies[0] not in rows:
        return "No question was answered."
    first = rows[findings.strategies[0]]
    lead = rows.get(leading(findings) or "")
    pair = against_first(findings).get((first.set, lead.strategy)) if lead else None
    if lead is None or pair is None:
        return f"{_label(first.strategy, findings)}: {_right(first)} right"
    return (
        f"{_label(lead.strategy, findings)}: {_right(lead)} right, {_label(first.strategy, findings)} {_right(first)}: "
        f"{_difference(pair)}{_cost(lead, rows.get('tiles'))}"
    )


def _label(name: str, findings: Findings) -> str:
    """The name in words, with the number of crops; of a ψ that of the protocol where the name states none."""
    number = crops(name) or (findings.protocol.get("k") if look(name) == "psi" else None)
    if number is None:
        return "overview alone" if name == "overview" else name
    return f"{family(name)} at k = {number}"


def _right(one: StrategyResult) -> str:
    return f"{percent_text(one.accuracy.value, decimals=0)} %"


def _difference(pair: Paired) -> str:
    ends = pair.difference
    low, high = percent_text(ends.low, decimals=0), percent_text(ends.high, decimals=0)
    p_value = p_cell(pair.p_value)
    points = figure_text(100 * ends.value, "+z.0f")
    return (
        f"{points} points (95 % {low} to {high}, p {p_value.replace('<', '< ') if '<' in p_value else f'= {p_value}'})"
    )


def _cost(lead: StrategyResult, tiles: StrategyResult | None) -> str:
    """What the crops cost: set against all four tiles where those were asked too."""
    if lead.visual_tokens is None:
        return ""
    if tiles is None or tiles is lead or not tiles.visual_tokens:
        return f" with {figure_text(lead.visual_tokens, ',.0f')} visual tokens"
    return f" at {percent_text(lead.visual_tokens / tiles.visual_tokens, decimals=0)} % of the tiles' visual tokens"
