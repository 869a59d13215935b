"""Figures of the screen benchmark, and their targets."""

import math
from collections.abc import Sequence
from typing import NamedTuple


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all values do not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[math.ceil(share * len(values)) - 1]


def median(values: Sequence[float]) -> float:
    """Return the value in the middle, the lower one of two."""
    return percentile(values, 0.5)


def p99(values: Sequence[float]) -> float:
    """Return what one value in a hundred exceeds."""
    return percentile(values, 0.99)


class Target(NamedTuple):
    """Limit of a figure; by more than `slack` beyond it, the benchmark fails."""

    limit: float
    unit: str
    slack: float = 1.0

    def verdict(self, figure: float) -> str:
        """Return the target, and whether the figure meets it."""
        return f"< {self.limit:g} {self.unit} {'met' if figure < self.limit else 'MISSED'}"

    def is_failed(self, figure: float) -> bool:
        """Return whether the figure misses the target by far, or is none."""
        return not figure < self.limit * self.slack


A_WORD = Target(10, "ms")
ANY_CHANGE = Target(30, "ms", slack=1.1)
CPU = Target(2, "ms", slack=2)
BYTES = Target(25, "%")
GROWTH = Target(1.5, "times", slack=2)
