"""Totals of a soak from its reports and taps: sessions, their ends, and words surely said."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from appliance.screen.scene import Mode
from tests.benchmarks.reports import Report
from tests.benchmarks.taps import Span

IN_SESSION = frozenset(mode.value for mode in (Mode.CONNECTING, Mode.LISTENING, Mode.RECONNECTING))
AT_REST = frozenset(mode.value for mode in (Mode.READY, Mode.SAVED))

EDGE = 0.3
"""Seconds around a stop within which it is anybody's guess whether a word still belongs to it."""


class Totals(NamedTuple):
    """Number of sessions, their seconds in all, and the time at which each was stopped."""

    sessions: int
    seconds: float
    stops: tuple[float, ...]


def totals_of(reports: Iterable[Report]) -> Totals:
    """Return what the modes and presses came to; a session that goes on does not count yet."""
    stops: list[float] = []
    seconds = 0.0
    began_at: float | None = None
    pressed_at = 0.0
    for report in reports:
        if report.what == "pressed":
            pressed_at = report.at
        elif report.what == "mode":
            if report.mode in IN_SESSION:
                began_at = began_at or report.at
            elif began_at is not None:
                stops.append(pressed_at)
                seconds += report.at - began_at
                began_at = None
    return Totals(len(stops), seconds, tuple(stops))


def surely_said(spans: Mapping[str, Span], stops: Iterable[float]) -> list[str]:
    """Return the words that the microphone delivered and no press cut, in their order."""
    near = [(stop - EDGE, stop + EDGE) for stop in stops]
    return [
        word
        for word, span in sorted(spans.items(), key=lambda item: item[1].began_at)
        if not any(span.began_at < late and early < span.ended_at for early, late in near)
    ]
