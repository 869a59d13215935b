"""Interval sets of one connection's audio, in samples, and when it was sent."""

import bisect
from collections.abc import Iterable, Iterator

SAME_TIME = 5.0
"""Seconds within which frames were sent that the service hears all of, or none."""

Interval = tuple[int, int]
"""The first sample, and the one after the last."""


class IntervalSet:
    """Sorted intervals that do not overlap; those that touch are one.

    >>> silent = IntervalSet()
    >>> silent.add(0, 10)
    >>> silent.add(30, 40)
    >>> silent.add(5, 20)
    >>> list(silent)
    [(0, 20), (30, 40)]
    >>> silent.overlaps(20, 30)
    False
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Add an interval; one without length is none."""
        if start >= end:
            return
        first = bisect.bisect_left(self._ends, start)
        last = bisect.bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether any of that audio lies in an interval."""
        index = bisect.bisect_right(self._ends, start)
        return index < len(self._starts) and self._starts[index] < end

    def within(self, start: int, end: int) -> Iterator[Interval]:
        """Yield the intervals that lie at least in part in that audio."""
        index = bisect.bisect_right(self._ends, start)
        while index < len(self._starts) and self._starts[index] < end:
            yield self._starts[index], self._ends[index]
            index += 1

    def forget(self, position: int) -> None:
        """Forget what ends before a position."""
        index = bisect.bisect_left(self._ends, position)
        del self._starts[:index], self._ends[:index]

    def __iter__(self) -> Iterator[Interval]:
        return zip(self._starts, self._ends, strict=True)


def gaps(start: int, end: int, intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Yield what lies from `start` to `end` and in none of the intervals, which may overlap.

    >>> list(gaps(0, 100, [(40, 60), (10, 50)]))
    [(0, 10), (60, 100)]
    """
    for first, last in sorted(intervals):
        if first > start and start < end:
            yield start, min(first, end)
        start = max(start, last)
    if start < end:
        yield start, end


class SendingTimes:
    """When which audio was sent, to the second.

    >>> times = SendingTimes(0, now=0.0)
    >>> times.note(16_000, now=1.0)
    >>> times.note(32_000, now=2.0)
    >>> times.sent_before(1.5), times.time_of(20_000)
    (16000, 2.0)

    Args:
        origin: the position where the connection's audio starts.
        now: when the connection opened, in monotonic seconds.
    """

    STEP = 1.0

    def __init__(self, origin: int, now: float) -> None:
        self._positions = [origin]
        self._times = [now]
        self.sent, self.sent_at = origin, now

    def note(self, position: int, now: float) -> None:
        """Note that audio up to a position was sent."""
        self.sent, self.sent_at = position, now
        if now - self._times[-1] >= self.STEP:
            self._positions.append(position)
            self._times.append(now)

    def sent_before(self, time: float) -> int:
        """Return the position up to which audio was sent before that time."""
        if time > self.sent_at:
            return self.sent
        index = bisect.bisect_left(self._times, time)
        return self._positions[max(0, index - 1)]

    def time_of(self, position: int) -> float:
        """Return when audio up to a position had been sent."""
        index = bisect.bisect_left(self._positions, position)
        return self._times[index] if index < len(self._times) else self.sent_at

    def are_together(self, position: int, later: int) -> bool:
        """Return whether two positions were sent so close that a service hears both, or neither."""
        return self.time_of(later) - self.time_of(position) <= SAME_TIME

    def forget(self, position: int) -> None:
        """Forget when audio before a position was sent."""
        index = max(0, bisect.bisect_left(self._positions, position) - 1)
        del self._positions[:index], self._times[:index]
