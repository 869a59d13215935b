"""Report of the screen benchmark: its tables, and whether it failed."""

import sys
from collections.abc import Sequence

from tests.benchmarks import markdown
from tests.benchmarks.screen_figures import Target


class Report:
    """Prints tables, and knows whether a target was missed by far."""

    def __init__(self) -> None:
        self.failed = False

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table."""
        sys.stdout.write(f"\n{markdown.table(headings, rows)}\n")
        sys.stdout.flush()

    def verdict(self, target: Target, figure: float, typical: float | None = None) -> str:
        """Return whether a figure meets its target.

        Where others on the machine can spoil the figure, the `typical` one says if it is failed.
        """
        self.failed |= target.is_failed(figure if typical is None else typical)
        return target.verdict(figure)
