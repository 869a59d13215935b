"""What the house wishes of the box, however often it says so."""

import logging
import math
import time
from collections.abc import Callable

from appliance.core.events import Post, Request, Requested

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two wishes that are granted."""

RUBBISH_INTERVAL = 60.0
"""Seconds between two lines in the log about what can't be asked for."""

WISHES = {
    wish.value.encode(): wish
    for wish in (Request.START, Request.STOP, Request.PRESS, Request.CLEAR)
}
"""What may be asked for."""


class Debounce:
    """Lets one wish through at a time, the first at once.

    The same wish within a second is the same: brokers may bring a message twice, and two
    automations may heed one button. Of others within that second the last one counts, and has to
    wait for its end: start and stop at once leave the box silent.
    """

    def __init__(self) -> None:
        self._passed: Request | None = None
        self._waiting: Request | None = None
        self._not_before = 0.0

    def add(self, wish: Request, now: float) -> None:
        """Take a wish."""
        same = wish is self._passed and now < self._not_before
        self._waiting = None if same else wish

    def due_in(self, now: float) -> float:
        """Return after how many seconds one may pass; infinity if there is none."""
        return max(0.0, self._not_before - now) if self._waiting else math.inf

    def take(self, now: float, *, early: bool = False) -> Request | None:
        """Return the wish that may pass now, or the one that waits for that."""
        if self.due_in(now) > 0.0 and not early:
            return None
        wish, self._waiting = self._waiting, None
        if wish:
            self._passed, self._not_before = wish, now + INTERVAL
        return wish


class RemoteCommands:
    """Makes out what is wished, and asks for it. For one thread alone.

    Args:
        post: told Asked: of start, stop and press at most one a second, and one clear.
        clock: monotonic seconds.
    """

    def __init__(self, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._clock = clock
        self._sessions = Debounce()
        self._clearings = Debounce()
        self._rubbish = 0
        self._told_at = -math.inf

    def hear(self, payload: bytes, *, retained: bool) -> None:
        """Take what the house says. What the broker had kept comes late, so nobody wants it now."""
        wish = WISHES.get(payload.strip().lower())
        if wish and not retained:
            turnstile = self._clearings if wish is Request.CLEAR else self._sessions
            turnstile.add(wish, self._clock())
        elif payload:
            self._note_rubbish(payload, "is retained" if retained else "can't be asked for")

    def due_in(self) -> float:
        """Return after how many seconds something is to be asked for; infinity if nothing is."""
        now = self._clock()
        return min(self._sessions.due_in(now), self._clearings.due_in(now))

    def grant(self, *, early: bool = False) -> None:
        """Ask for what is due, or `early` for all: who goes must not forget a stop."""
        now = self._clock()
        for turnstile in (self._sessions, self._clearings):
            if wish := turnstile.take(now, early=early):
                log.info("asked over MQTT to %s", wish.value)
                self._post(Requested(wish))

    def _note_rubbish(self, payload: bytes, why: str) -> None:
        self._rubbish += 1
        now = self._clock()
        if now - self._told_at >= RUBBISH_INTERVAL:
            count = f" ({self._rubbish} of that kind)" if self._rubbish > 1 else ""
            log.warning("asked over MQTT to %r, which %s: ignored%s", payload[:40], why, count)
            self._rubbish, self._told_at = 0, now
