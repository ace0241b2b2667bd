"""What was read as a table: for a terminal and in Markdown. Every figure in full is in Findings.to_dict."""

from __future__ import annotations

from rich.table import Table

from semclip.evaluation.answers.findings import Findings, Paired, StrategyResult
from semclip.evaluation.cells import ABSENT, Rows, interval, markdown_table, p_cell, rich_table, share, with_interval


def to_table(findings: Findings) -> Table:
    """For a terminal."""
    return rich_table(rows(findings))


def to_markdown(findings: Findings) -> str:
    """The same as Markdown, with what made it below."""
    return f"{markdown_table(rows(findings))}\n\n{describe(findings)}"


def describe(findings: Findings) -> str:
    """One line with what is needed to make it again."""
    first, told = findings.results[0], findings.protocol
    size = f"{first.questions} questions about {first.images} pictures"
    psi = ", ".join(f"{name} {fingerprint[:8]}" for name, fingerprint in told["psi"].items())
    return (
        f"semclip {findings.version}, split {told['split']}, {size}, reader {told['reader']}, "
        f"pictures of {told['side_px']} px, ψ {psi}, seed {told['seed']}, "
        f"± 95 % bootstrap over images, rejected: {len(findings.rejected)}"
    )


def rows(findings: Findings) -> Rows:
    """The header, then a line for each strategy with what sets it against each of those that were named."""
    others = list(dict.fromkeys(pair.other for pair in findings.pairs))
    header = ["set", "strategy", "tokens", "read", *(cell for other in others for cell in (f"over {other}", "p"))]
    pairs = {(pair.strategy, pair.other): pair for pair in findings.pairs}
    lines = []
    for one in findings.results:
        beside = [pairs.get((one.strategy, other)) for other in others]
        lines.append([*_cells(one), *(cell for pair in beside for cell in _pair_cells(pair))])
    return [header, *lines]


def _cells(one: StrategyResult) -> list[str]:
    return [one.set, one.strategy, f"{one.visual_tokens:.0f}", with_interval(one.accuracy)]


def _pair_cells(pair: Paired | None) -> list[str]:
    if pair is None:
        return [ABSENT, ABSENT]
    return [f"{share(pair.difference.value)} ({interval(pair.difference)})", p_cell(pair.p_value)]
