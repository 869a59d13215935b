"""Rate limit of the requests of each appliance.

It is kept in the memory of one server: behind a load balancer, each server counts for itself.
"""

import math
import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0


class RateLimit:
    """At most `per_minute` requests of each name within any minute.

    >>> limit = RateLimit(1, clock=lambda: 0.0)
    >>> limit.wait("kitchen"), limit.wait("kitchen"), limit.wait("workshop")
    (0, 60, 0)
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        # Bounded: the names are those of the register, each with at most `per_minute` times.
        self._requests: dict[str, deque[float]] = {}

    def wait(self, name: str) -> int:
        """Return 0 and count a request if it is allowed, else the whole seconds until one is."""
        now = self._clock()
        requests = self._requests.setdefault(name, deque())
        while requests and requests[0] <= now - MINUTE:
            requests.popleft()
        if len(requests) >= self._per_minute:
            return max(1, math.ceil(requests[0] + MINUTE - now))
        requests.append(now)
        return 0
