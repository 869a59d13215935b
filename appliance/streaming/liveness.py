"""Liveness of the peer of a connection, from what it sends, acknowledges and answers."""

import time
from collections.abc import Callable

import msgspec

STALL_TIMEOUT = 8.0
"""Seconds without any progress after which a peer is dead: the handshake, a half-read frame, bytes
that nobody acknowledges."""

PONG_TIMEOUT = 15.0
"""Seconds in which a peer that pings arrive at must have sent something, if only a pong."""

PING_INTERVAL = 3.0
"""Seconds between pings."""


class _Ping(msgspec.Struct):
    """The oldest ping without an answer; it has arrived once `end` bytes are acknowledged."""

    sent_at: float
    end: int
    arrived_at: float | None = None


class Liveness:
    """Whether the peer is still there.

    A peer is dead when it acknowledges nothing of what is on its way to it, or when a ping has
    arrived and it sends nothing. While a ping is on its way and acknowledgements come, a slow
    uplink explains the silence. Where the kernel does not say what is acknowledged, pings are
    taken to arrive at once, and only the missing answer counts.

    (`TCP_USER_TIMEOUT` would end a connection to a peer that reads slowly, too: the kernel counts
    from when its window was first full.)

        >>> now = 0.0
        >>> liveness = Liveness(stall_timeout=8.0, clock=lambda: now)
        >>> liveness.observe(acknowledged=1000, unacknowledged=500)
        >>> now = 9.0
        >>> liveness.observe(acknowledged=1000, unacknowledged=700)
        >>> liveness.failure
        'the service acknowledges nothing any more'

    Args:
        stall_timeout: seconds that bytes may stay unacknowledged.
        pong_timeout: seconds that the peer may send nothing although pings arrive.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stall_timeout: float = STALL_TIMEOUT,
        pong_timeout: float = PONG_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stall_timeout = stall_timeout
        self._pong_timeout = pong_timeout
        self._clock = clock
        self._acknowledged = 0
        self._ping: _Ping | None = None
        self._received_at = self._acknowledged_at = self._idle_at = self._pinged_at = clock()

    def note_received(self) -> None:
        """Note that the peer sent something."""
        self._received_at = self._clock()

    def observe(self, acknowledged: int | None, unacknowledged: int) -> None:
        """Take the kernel's figures, in bytes; `acknowledged` is None when it is unknown."""
        now = self._clock()
        if acknowledged is None or not unacknowledged:
            self._idle_at = now
        if acknowledged is not None and acknowledged != self._acknowledged:
            self._acknowledged, self._acknowledged_at = acknowledged, now
        ping = self._ping
        if ping and ping.arrived_at is None and (acknowledged is None or acknowledged >= ping.end):
            ping.arrived_at = now

    @property
    def ping_is_due(self) -> bool:
        """Whether it is time for a ping."""
        return self._clock() - self._pinged_at >= PING_INTERVAL

    def note_ping(self, unacknowledged: int) -> None:
        """Note that a ping was sent, and how many bytes are on their way with it."""
        self._pinged_at = self._clock()
        if not self._unanswered():
            self._ping = _Ping(self._pinged_at, self._acknowledged + unacknowledged)

    @property
    def failure(self) -> str:
        """Why the peer is dead, for the log; nothing while it is alive."""
        now = self._clock()
        if now - max(self._acknowledged_at, self._idle_at) > self._stall_timeout:
            return "the service acknowledges nothing any more"
        ping = self._unanswered()
        if ping is None or ping.arrived_at is None:
            return ""
        had_its_time = now - ping.arrived_at > self._pong_timeout - PING_INTERVAL
        if had_its_time and now - self._received_at > self._pong_timeout:
            return "the service takes everything and answers nothing"
        return ""

    @property
    def unresponsive_for(self) -> float:
        """Seconds since the last sign of life: the peer sent or acknowledged something.

        Once a ping has arrived, only an answer counts: the kernel of a peer that hangs goes on to
        acknowledge.
        """
        if (ping := self._unanswered()) and ping.arrived_at is not None:
            return self._clock() - self._received_at
        return self._clock() - max(self._received_at, self._acknowledged_at)

    def _unanswered(self) -> _Ping | None:
        """Return the oldest ping since which nothing arrived."""
        ping = self._ping
        return ping if ping and ping.sent_at > self._received_at else None
