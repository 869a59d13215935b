"""Rate limit of tokens for each appliance.

It lives in the memory of one server: behind a load balancer, each server counts for itself.
"""

import math
import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0


class PerMinute:
    """Lets each name ask so many times in any minute."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        # Bounded: the names are those in the register, and each has `limit` times at most.
        self._asked: dict[str, deque[float]] = {}

    def wait(self, name: str) -> int:
        """Count a request; return 0 if it may go on, else the whole seconds until one may."""
        now = self._clock()
        asked = self._asked.setdefault(name, deque())
        while asked and asked[0] <= now - MINUTE:
            asked.popleft()
        if len(asked) >= self._limit:
            return max(1, math.ceil(asked[0] + MINUTE - now))
        asked.append(now)
        return 0
