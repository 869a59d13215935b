"""Commands received over MQTT, each debounced."""

import logging
import math
import threading
import time
from collections.abc import Callable

from appliance.core.command_events import Request, Requested
from appliance.core.events import Post

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two commands that are carried out."""

WARNING_INTERVAL = 60.0
"""Seconds between two lines in the log about ignored commands."""

COMMANDS = {
    request.value.encode(): request
    for request in (Request.START, Request.STOP, Request.PRESS, Request.CLEAR)
}
"""Requests by the payload that asks for them."""


class Debounce:
    """Lets one request through a second, the first at once.

    The same request within a second is the same: brokers may deliver a message twice, and two
    automations may act on one button. Of others within that second the last one counts, and waits
    for its end: start and stop at once leave the box silent.
    """

    def __init__(self) -> None:
        self._passed: Request | None = None
        self._waiting: Request | None = None
        self._not_before = 0.0

    def add(self, request: Request, now: float) -> None:
        """Take a request."""
        same = request is self._passed and now < self._not_before
        self._waiting = None if same else request

    def due_in(self, now: float) -> float:
        """Return the seconds until one may pass; infinity if there is none."""
        return max(0.0, self._not_before - now) if self._waiting else math.inf

    def take(self, now: float, *, early: bool = False) -> Request | None:
        """Return the request that may pass now, or, `early`, the one that waits for that."""
        if self.due_in(now) > 0.0 and not early:
            return None
        request, self._waiting = self._waiting, None
        if request:
            self._passed, self._not_before = request, now + INTERVAL
        return request


class RemoteCommands:
    """Commands as they come from the broker: received on one thread, posted on another.

    Args:
        post: gets Requested: of start, stop and press at most one a second, and one clear.
        clock: monotonic seconds.
    """

    def __init__(self, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._clock = clock
        self._sessions = Debounce()
        self._clearings = Debounce()
        self._ignored = 0
        self._warned_at = -math.inf
        self._lock = threading.Lock()

    def receive(self, payload: bytes, *, retained: bool) -> None:
        """Take a command. A retained one comes late, so nobody wants it any more."""
        request = COMMANDS.get(payload.strip().lower())
        if request and not retained:
            debounce = self._clearings if request is Request.CLEAR else self._sessions
            with self._lock:
                debounce.add(request, self._clock())
        elif payload:
            self._warn(payload, "it is retained" if retained else "there is no such command")

    def due_in(self) -> float:
        """Return the seconds until `post_due` has something to post; infinity if it has nothing."""
        now = self._clock()
        return min(self._sessions.due_in(now), self._clearings.due_in(now))

    def post_due(self, *, early: bool = False) -> None:
        """Post what is due; or `early`, at the end, all, so that no stop is lost."""
        now = self._clock()
        for debounce in (self._sessions, self._clearings):
            with self._lock:
                request = debounce.take(now, early=early)
            if request:
                log.info("MQTT command: %s", request.value)
                self._post(Requested(request))

    def _warn(self, payload: bytes, why: str) -> None:
        self._ignored += 1
        now = self._clock()
        if now - self._warned_at >= WARNING_INTERVAL:
            count = f" ({self._ignored} ignored)" if self._ignored > 1 else ""
            log.warning("MQTT command %r ignored: %s%s", payload[:40], why, count)
            self._ignored, self._warned_at = 0, now
