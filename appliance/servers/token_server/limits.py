"""Rate limit of the requests of each appliance.

It is kept in the memory of one server: behind a load balancer, each server counts for itself.
"""

import time
from collections.abc import Callable

from appliance.servers.sliding_window import SlidingWindow


class RateLimit:
    """At most `per_minute` requests of each name within any minute.

    >>> limit = RateLimit(1, clock=lambda: 0.0)
    >>> limit.wait("kitchen"), limit.wait("kitchen"), limit.wait("workshop")
    (0, 60, 0)
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = SlidingWindow(per_minute, clock)  # of the names of the register

    def wait(self, name: str) -> int:
        """Return 0 and count a request if it is allowed, else the whole seconds until one is."""
        if wait := self._requests.wait(name):
            return wait
        self._requests.count(name)
        return 0
