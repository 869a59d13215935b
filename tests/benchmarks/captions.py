"""Times at which words stood on the screen, and at which captions were live again after a fault."""

import math
from collections.abc import Iterable, Mapping

from tests.benchmarks.reports import Report
from tests.benchmarks.taps import Span

LIVE_DELAY = 1.0
"""Seconds after its end within which a word must be on the screen to be a live caption."""


def shown_at(reports: Iterable[Report]) -> dict[str, float]:
    """Return when each word was first seen."""
    first: dict[str, float] = {}
    for report in reports:
        for word in report.words:
            first.setdefault(word, report.at)
    return first


def seconds_until_live(said: Mapping[str, Span], shown: Mapping[str, float], since: float) -> float:
    """Return how long after `since` captions were live; infinity when they never were.

    They are live when a word that was begun after that moment stands on the screen within
    `LIVE_DELAY` seconds of its end. All in monotonic seconds.
    """
    live = [
        shown[word] - since
        for word, span in said.items()
        if word in shown and since <= span.began_at and shown[word] <= span.ended_at + LIVE_DELAY
    ]
    return min(live, default=math.inf)
