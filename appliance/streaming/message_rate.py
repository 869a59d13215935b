"""Rate limit of messages: a service that talks without end is listened to at our speed.

What it sends faster stays on its side. Else the program would get more to do than it can, and
would hear a press, or the request to end, only after all of it.
"""

import time
from collections.abc import Callable

RATE = 100.0
"""Messages a second: twice as many as come when a backlog is sent at the highest speed."""

USUAL_SIZE = 4096
"""Bytes of a usual message; one that is longer counts as several."""

BURST = 500
"""Messages that may come at once."""


class MessageRate:
    """Limit of `rate` messages of usual size a second, after `burst` that may come at once.

        >>> now = 0.0
        >>> limit = MessageRate(rate=10.0, burst=2, clock=lambda: now)
        >>> [limit.delay() for _ in range(4)]
        [0.0, 0.0, 0.1, 0.2]

    Args:
        rate: messages a second.
        burst: messages that may come at once.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        rate: float = RATE,
        burst: int = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1 / rate
        self._ahead = (burst - 1) / rate
        self._clock = clock
        self._due = clock() - self._ahead

    def delay(self, size: int = 0) -> float:
        """Count a message of so many bytes; return the seconds to wait before it is taken."""
        now = self._clock()
        due = max(self._due, now - self._ahead)
        self._due = due + (1 + size // USUAL_SIZE) * self._interval
        return max(0.0, round(due - now, 6))
