"""When to try again, and whether the broker lets us in only to drop us."""

from collections.abc import Callable

SHORTEST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds between two tries."""

MOST_DOUBLINGS = 6
"""Enough for the longest delay; after some hours of doubling no number is large enough."""

STEADY = 10.0
"""Seconds after which a connection is one that lasts."""

MANY_DROPS = 3
"""Short connections in a row that are no accident: another box has this one's name, for instance.
The broker then drops the older of the two, and so on.
"""


class Reconnect:
    """Counts what fails.

    Args:
        clock: monotonic seconds.
        random: a number from 0 to 1.
    """

    def __init__(self, clock: Callable[[], float], random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._failures = 0
        self._drops = 0
        self._connected_at: float | None = None

    def connected(self) -> None:
        """The broker let us in."""
        self._connected_at = self._clock()

    def failed(self) -> bool:
        """The connection was lost, or could not be made; tell whether it had been made."""
        was_connected = self._connected_at is not None
        if self._lasts:
            self._failures = self._drops = 0
        else:
            self._failures += 1
            self._drops = self._drops + 1 if was_connected else 0
        self._connected_at = None
        return was_connected

    @property
    def keeps_dropping(self) -> bool:
        """Whether connections are short, again and again, and the present one is too."""
        return self._drops >= MANY_DROPS and not self._lasts

    @property
    def delay(self) -> float:
        """Seconds until the next try: more with each failure, and not the same for all boxes."""
        longest = min(LONGEST_DELAY, 2.0 ** min(self._failures, MOST_DOUBLINGS))
        return SHORTEST_DELAY + self._random() * (longest - SHORTEST_DELAY)

    @property
    def _lasts(self) -> bool:
        since = self._connected_at
        return since is not None and self._clock() - since >= STEADY
