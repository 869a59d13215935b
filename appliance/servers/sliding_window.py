"""Sliding window of a minute, in which each name may do something so many times."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

MINUTE = 60.0


class SlidingWindow:
    """Times at which each name last did something, for a limit of so many a minute.

        >>> window = SlidingWindow(per_minute=1, clock=lambda: 0.0)
        >>> window.count("kitchen")
        >>> window.wait("kitchen"), window.wait("workshop")
        (60, 0)

    Args:
        per_minute: times within any minute.
        clock: monotonic seconds.
        max_names: names that are remembered; then those that came longest ago are forgotten. None
            for all of them, where they are few.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        max_names: int | None = None,
    ) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._max_names = max_names
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, name: str) -> None:
        """Note that a name does it now."""
        self._times.setdefault(name, deque(maxlen=self._per_minute)).append(self._clock())
        self._times.move_to_end(name)
        if self._max_names is not None and len(self._times) > self._max_names:
            self._times.popitem(last=False)

    def wait(self, name: str) -> int:
        """Return after how many whole seconds a name may do it again; 0 for now."""
        times = self._times.get(name)
        if times is None or len(times) < self._per_minute:
            return 0
        return max(0, math.ceil(times[0] + MINUTE - self._clock()))
