"""Probation of new settings: they replace the last good ones once they have served."""

import time
from collections.abc import Callable

from appliance.core.events import Connected, Event

PROBATION = 60.0
"""Seconds for which all parts run with new settings before these count as good."""


class Probation:
    """Probation of the settings of one appliance.

    They have served once a session has reached the service, or after a minute with all parts.

        >>> now = 100.0
        >>> probation = Probation(clock=lambda: now)
        >>> probation.begin()
        >>> probation.passed
        False
        >>> now += 60.0
        >>> probation.passed
        True

    Args:
        seconds: how long they must have been in use if there is no session.
        clock: monotonic seconds.
    """

    def __init__(
        self, seconds: float = PROBATION, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._began_at: float | None = None
        self._connected = False

    def begin(self) -> None:
        """Note that all parts have started."""
        self._began_at = self._clock()

    def handle(self, event: Event) -> None:
        """Take note of a session that reached the service."""
        self._connected = self._connected or isinstance(event, Connected)

    @property
    def begun(self) -> bool:
        """Whether all parts have started with the settings."""
        return self._began_at is not None

    @property
    def passed(self) -> bool:
        """Whether the settings have served."""
        if self._began_at is None:
            return False
        return self._connected or self._clock() - self._began_at >= self._seconds
