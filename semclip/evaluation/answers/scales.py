"""The axes of plots: where a value lies, and at which round values to say so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LOG_FROM = 10
"""The ratio of the largest value to the smallest from which a scale of multiples tells more than one of sums."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` on a line from `start_px` to `end_px`; `ticks` are round and lie between."""

    low: float
    high: float
    start_px: float
    end_px: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where `value` lies, in pixels."""
        low, high, value = map(math.log, (self.low, self.high, value)) if self.is_log else (self.low, self.high, value)
        return self.start_px + (value - low) / (high - low) * (self.end_px - self.start_px)


def percent_axis(shares: Iterable[float], *, start_px: float, end_px: float) -> Axis:
    """An axis in percent that holds all `shares` (0 to 1, at least one) and spans ten points or more.

    >>> percent_axis([0.42, 0.71], start_px=0, end_px=100).ticks
    (40.0, 50.0, 60.0, 70.0, 80.0)
    """
    percents = [100 * share for share in shares]
    low = max(0.0, min(*percents, max(percents) - 10))
    return _linear(low, max(*percents, low + 10), start_px, end_px)


def amount_axis(amounts: Iterable[float], *, start_px: float, end_px: float) -> Axis:
    """An axis for positive amounts, at least one: from 0, or of multiples where they differ by ten times and more.

    >>> amount_axis([576, 2880], start_px=0, end_px=300).ticks
    (0.0, 1000.0, 2000.0, 3000.0)
    >>> amount_axis([100, 2000], start_px=0, end_px=100).ticks
    (100.0, 200.0, 500.0, 1000.0, 2000.0)
    """
    amounts = list(amounts)
    low, high = min(amounts), max(amounts)
    if high < _LOG_FROM * low:
        return _linear(0.0, high, start_px, end_px)
    steps = [digit * 10.0**power for power in range(_power(low), _power(high) + 1) for digit in (1, 2, 5)]
    ticks = tuple(step for step in steps if low <= step <= high)
    return Axis(low / 1.15, high * 1.15, start_px, end_px, ticks, is_log=True)


def _linear(low: float, high: float, start_px: float, end_px: float) -> Axis:
    step = _round_step((high - low) / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(step * place for place in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], start_px, end_px, ticks)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, 50 ... (and their tenths) that is not below `least`."""
    unit = 10.0 ** _power(least)
    return next(digit * unit for digit in (1, 2, 5, 10) if digit * unit >= least * (1 - 1e-9))


def _power(value: float) -> int:
    return math.floor(math.log10(value))
