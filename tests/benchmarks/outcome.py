"""Outcome of a case, and the table of all outcomes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tests.benchmarks import markdown


class Outcome(NamedTuple):
    """The words of one case.

    `said` counts those that the microphone delivered while the program ran, `not_counted` those
    that it did not; `live_after` is the seconds until captions were live again, infinite when they
    never were, None where nothing was said any more. `notes` say what else there is to know.
    """

    case: str
    said: int
    not_counted: int
    lost: int
    doubled: int
    live_after: float | None
    lasted: float
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether something was said, and every word of it heard, once."""
        return self.said > 0 and not (self.lost or self.doubled)


HEADINGS = ("case", "said", "not counted", "lost", "doubled", "live again after")


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table in Markdown."""
    return markdown.table(HEADINGS, [_row(outcome) for outcome in outcomes])


def _row(outcome: Outcome) -> tuple[str, ...]:
    counts = (outcome.said, outcome.not_counted, outcome.lost, outcome.doubled)
    return outcome.case, *map(str, counts), _seconds(outcome.live_after)


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} s" if math.isfinite(value) else "never"
