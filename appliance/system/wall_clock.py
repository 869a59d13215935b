"""Wall clock beside the monotonic clock, and whether the network has set it.

A Pi has no clock of its own: until the network gives the time, its wall clock is wrong.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

STEP = 1.0
"""Seconds by which the two clocks may drift apart before it counts as a correction."""

_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")


def clock_is_set() -> bool:
    """Return whether the network has set the clock since the boot (systemd-timesyncd(8))."""
    return _SYNCHRONIZED.exists()


class WallClock:
    """Wall clock that notices when somebody sets it.

    Args:
        clock: monotonic seconds.
        wall_clock: seconds since 1970.
        is_set: tells whether the wall clock is right.
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
        """Return whether the wall clock was set since the last call."""
        offset = self._wall_clock() - self.now()
        step = offset - self._offset
        if abs(step) <= STEP:
            return False
        log.info("the clock was set by %+.0f s", step)
        self._offset = offset
        return True

    def time_of_day(self) -> str:
        """Return the local time as "14:05"; "" until the clock is set."""
        if not self._is_set():
            return ""
        return time.strftime("%H:%M", time.localtime(self._wall_clock()))
