"""Attempt at one service: a token, a connection, a stream over it, and whether it was useful."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial

from appliance.core.events import Post
from appliance.core.turns import Covered
from appliance.streaming.failover import Candidate
from appliance.streaming.liveness import PONG_TIMEOUT
from appliance.streaming.outcomes import Outcome, Reaction, rule_for
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.stream import Stream
from appliance.streaming.suspect_audio import SuspectAudio
from appliance.streaming.tokens import TokenError, TokenSource
from appliance.streaming.transport import Transport, TransportListener
from appliance.system.time_limit import TimeLimit

OPEN_TIMEOUT = 20.0
"""Seconds from the beginning of an attempt to an open connection: the token and the handshake."""

USEFUL_AFTER = 10.0
"""Seconds after which a connection counts as useful: its end is a new failure."""

HANG_DETECTION_TIME = 60.0
"""Seconds in which a service notices that its recognizer hangs. A service error within this time,
with no turn before it, means that: nobody has heard the silence."""


class StreamOpener:
    """Opener of a session's streams, one for each attempt at a service.

    Args:
        backlog: holds the session's audio.
        post: takes the streams' events.
        tokens: fetches tokens of the primary service.
        time_left: returns the seconds until the service must have answered; None for any time.
        stall_timeout: seconds without any progress after which a connection is dead.
        clock: monotonic seconds.
        limit: ends the attempt when the session is abandoned.
    """

    def __init__(
        self,
        backlog: Backlog,
        post: Post,
        tokens: TokenSource | None,
        *,
        time_left: Callable[[], float | None],
        stall_timeout: float,
        clock: Callable[[], float],
        limit: TimeLimit | None = None,
    ) -> None:
        self._backlog = backlog
        self._post = post
        self._tokens = tokens
        self._time_left = time_left
        self._stall_timeout = stall_timeout
        self._clock = clock
        self._limit = limit
        self._suspect = SuspectAudio()

    def open(self, candidate: Candidate, covered: Covered) -> Stream | Outcome:
        """Fetch a token and return a stream that will use it, or the outcome if there is no token.

        Args:
            candidate: the service.
            covered: what earlier connections covered.
        """
        open_by = self._clock() + OPEN_TIMEOUT
        try:
            token = self._source(candidate).fetch(self._time_left())
        except TokenError as refusal:
            return refusal.outcome
        return Stream(
            self._backlog,
            covered,
            candidate.retry_policy.pace,
            partial(self._transport, candidate, token, open_by),
            self._post,
            self._clock,
            unstable=candidate.unstable,
            expects_heartbeats=candidate.has_heartbeats,
            suspect=self._suspect,
            asked={} if candidate.is_fallback else candidate.settings.parameters,
        )

    def _source(self, candidate: Candidate) -> TokenSource:
        if candidate.is_fallback or self._tokens is None:
            fallback = candidate.is_fallback
            return TokenSource(candidate.settings, fallback=fallback, limit=self._limit)
        return self._tokens

    def _transport(
        self, candidate: Candidate, token: str, open_by: float, listener: TransportListener
    ) -> Transport:
        left = self._time_left()
        until_open = max(open_by - self._clock(), 0.1)
        return Transport(
            candidate.settings,
            token,
            listener,
            until_open if left is None else min(until_open, max(left, 0.1)),
            stall_timeout=self._stall_timeout,
            # With a fallback, a service that hangs gets one more chance before it gives way.
            pong_timeout=PONG_TIMEOUT if left is None else self._stall_timeout,
            limit=self._limit,
        )


@contextlib.contextmanager
def time_limit(stream: Stream, seconds: float | None, session: str) -> Iterator[None]:
    """Give a stream up after so many seconds of the `with` block, unless it begins before."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, stream.give_up)
    timer.name = f"failover-{session}"
    timer.daemon = True  # it may have minutes left when the program must end
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def was_useful(stream: Stream, outcome: Outcome, alive_for: float) -> bool:
    """Return whether a connection has shown that the service can be reached, and hears.

    `alive_for` is the time from its beginning to its last sign of life, in seconds.
    """
    has_fault = rule_for(outcome).reaction is Reaction.RETRY
    hung = has_fault and not stream.heard_turn and alive_for < HANG_DETECTION_TIME
    if hung or stream.termination_is_overdue:
        return False
    covered_more = stream.covered().position > stream.origin
    return covered_more or (stream.began and alive_for > USEFUL_AFTER)
