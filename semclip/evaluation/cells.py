"""Figures as the cells of tables, and rows of cells as tables: for a terminal (rich) and in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from rich import box
from rich.table import Table

from semclip.evaluation.report import Estimate

ABSENT = "–"
_WORDS = ("set", "ψ", "strategy", "against", "category")

Rows = list[list[str]]
"""The header and the lines below it; the first cell of a line is its set."""


def share(value: float) -> str:
    """Two decimals without the leading zero.

    >>> share(0.25), share(-0.5), share(1.0), share(-0.001), share(math.nan)
    ('.25', '-.50', '1.00', '.00', '–')
    """
    return f"{value:z.2f}".replace("0.", ".", 1) if math.isfinite(value) else ABSENT


def with_interval(estimate: Estimate) -> str:
    """The value and half the width of its interval."""
    return f"{share(estimate.value)} ±{share((estimate.high - estimate.low) / 2)}"


def interval(estimate: Estimate) -> str:
    """The ends of its interval."""
    return f"{share(estimate.low)} to {share(estimate.high)}"


def p_cell(p_value: float) -> str:
    """Three decimals without the leading zero.

    >>> p_cell(0.0004), p_cell(0.25), p_cell(1.0)
    ('<.001', '.250', '1.000')
    """
    return "<.001" if p_value < 0.001 else f"{p_value:.3f}".replace("0.", ".", 1)


def rich_table(rows: Rows) -> Table:
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


def markdown_table(rows: Rows) -> str:
    """The rows as Markdown, without a newline at the end."""
    header, *lines = rows
    return "\n".join(_markdown_line(cells) for cells in [header, ["---"] * len(header), *lines])


def _markdown_line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
