"""Back-off between tries to connect, and detection of a broker that keeps dropping us."""

from collections.abc import Callable

CONNECT_TIMEOUT = 5.0
"""Seconds for the network and TLS, and again for the broker to let us in."""

MIN_DELAY, MAX_DELAY = 1.0, 60.0
"""Seconds between two tries."""

MAX_DOUBLINGS = 6
"""Enough for the longest delay; after some hours of doubling no number is large enough."""

STEADY_TIME = 10.0
"""Seconds after which a connection is one that lasts."""

MANY_DROPS = 3
"""Short connections in a row that are no accident: another box has this one's name, for instance.
The broker then drops the older of the two, and so on.
"""


class Reconnect:
    """Counts failures and short connections.

    Unlike paho's, its delays differ from box to box, and a broker that accepts does not reset
    them until the connection has lasted.

    Args:
        clock: monotonic seconds.
        random: a number from 0 to 1.
        min_delay: seconds between two tries, at least.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random: Callable[[], float],
        min_delay: float = MIN_DELAY,
    ) -> None:
        self._clock = clock
        self._random = random
        self._min_delay = min_delay
        self._failures = 0
        self._drops = 0
        self._connected_at: float | None = None

    def connected(self) -> None:
        """Note that the broker let us in."""
        self._connected_at = self._clock()

    def failed(self) -> bool:
        """Note a lost or failed connection; return whether the broker had let us in."""
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
        """Whether connections are short, again and again, and the present one is so far."""
        return self._drops >= MANY_DROPS and not self._lasts

    @property
    def delay(self) -> float:
        """Seconds until the next try: up to twice as many after each failure."""
        longest = min(MAX_DELAY, 2.0 ** min(self._failures, MAX_DOUBLINGS))
        return self._min_delay + self._random() * (longest - self._min_delay)

    @property
    def _lasts(self) -> bool:
        since = self._connected_at
        return since is not None and self._clock() - since >= STEADY_TIME
