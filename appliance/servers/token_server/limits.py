"""How often: tokens for each appliance, and wrong secrets for everybody together.

Both live in the memory of one server. Behind a load balancer each counts for itself.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable

MINUTE = 60.0

STEP, LONGEST = 0.25, 4.0
"""Seconds that each wrong secret of the last minute adds to the wait of the next, and the most.

An appliance waits 8 s for its answer, and shall hear that its secret is wrong.
"""

HELD = 32
"""Wrong ones that wait at a time; more would take the connections that others need."""


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


class WrongSecrets:
    """Slows down who guesses. A right secret never waits, whatever others send.

    That a secret can't be guessed is due to its 256 bits; this keeps the guessing cheap for us and
    dear for them. All are counted together, so that a thousand addresses gain nothing. Those who
    find no place to wait hear at once that their secret is wrong, like the others: it may be one
    that was withdrawn, whose owner shall know.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.total = 0
        self._clock = clock
        self._sleep = sleep
        self._lately: deque[float] = deque(maxlen=round(LONGEST / STEP))
        self._held = 0

    async def hold(self) -> None:
        """Count one, and let it wait unless too many wait already."""
        self.total += 1
        if self._held >= HELD:
            return
        now = self._clock()
        self._lately.append(now)
        lately = sum(1 for moment in self._lately if moment > now - MINUTE)
        self._held += 1
        try:
            await self._sleep(min(STEP * lately, LONGEST))
        finally:
            self._held -= 1
