"""A session's place, which another may have when its client gives no sign of life."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from appliance.servers.local_service.protocol import IDLE, RefusedError

Message = TypeVar("Message")


class SessionSlot:
    """The place of a session that may last `lifetime` seconds; used from the event loop alone."""

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lifetime = lifetime
        self._clock = clock
        self._waits: asyncio.Timeout | None = None
        self._waits_since = 0.0
        self._is_lost = False

    @property
    def silence(self) -> float:
        """For how many seconds the session has waited for its client until now."""
        return self._clock() - self._waits_since if self._waits else 0.0

    async def wait_for(self, receive: Callable[[], Awaitable[Message]], seconds: float) -> Message:
        """Return what the session's client says next.

        Raises:
            TimeoutError: it said nothing for so many seconds.
            RefusedError: it said nothing, and another needed the place (4031).
        """
        if not self._is_lost:
            self._waits_since = self._clock()
            try:
                async with asyncio.timeout(seconds) as self._waits:
                    return await receive()
            except TimeoutError:
                if not self._is_lost:
                    raise
            finally:
                self._waits = None
        raise RefusedError(IDLE, "Session idle for too long: another needed its place")

    def lose(self) -> None:
        """End the session, which waits for its client in vain."""
        self._is_lost = True
        if self._waits:
            self._waits.reschedule(0)  # which is over
