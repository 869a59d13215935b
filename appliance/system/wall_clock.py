"""The time of day on a box that has no clock of its own: unknown at first, then set at once."""

import logging
import time
from collections.abc import Callable

from appliance.system.systemd import clock_is_set

log = logging.getLogger(__name__)

STEP = 1.0
"""Seconds by which the two clocks may drift apart before it counts as a correction."""


class WallClock:
    """Follows the wall clock, which jumps, beside the monotonic clock, which doesn't.

    Args:
        clock: monotonic seconds.
        wall_clock: seconds since 1970.
        is_set: tells whether the wall clock can be believed.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        is_set: Callable[[], bool] = clock_is_set,
    ) -> None:
        self.now = clock
        self._wall_clock = wall_clock
        self._is_set = is_set
        self._offset = wall_clock() - clock()

    def was_set(self) -> bool:
        """Tell, once each time, that the wall clock was set since the last look."""
        offset = self._wall_clock() - self.now()
        step = offset - self._offset
        if abs(step) <= STEP:
            return False
        log.info("the clock was set by %+.0f s", step)
        self._offset = offset
        return True

    def time_of_day(self) -> str:
        """Return the time as "14:05"; empty as long as nobody knows it."""
        if not self._is_set():
            return ""
        return time.strftime("%H:%M", time.localtime(self._wall_clock()))
