"""Session: one recording to the service, over as many connections as it takes.

The live session and a delivery are the same: the backlog of a delivery simply does not grow.

The network modules take longer to load than all the rest, seconds on a Pi Zero. The box is ready
without them, so they are loaded in the background, or at the latest on the session's thread.
"""
# ruff: noqa: PLC0415

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Disconnected, Post, SessionEnded
from appliance.core.faults import Fault
from appliance.core.late_imports import import_lock
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered
from appliance.settings.schema import ServiceSettings
from appliance.streaming.failover import FALLBACK_AFTER, Candidate, Failover
from appliance.streaming.liveness import STALL_TIMEOUT
from appliance.streaming.outcomes import Outcome
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.spool.backlog import Backlog
from appliance.system.time_limit import TimeLimit

if TYPE_CHECKING:
    from appliance.streaming.stream import Stream
    from appliance.streaming.tokens import TokenSource

log = logging.getLogger(__name__)


def load_network() -> None:
    """Load the network modules, so that the first session need not wait for them."""
    with import_lock:
        # Libraries load these only once they need them, which may be on several threads.
        import encodings.idna  # noqa: F401 - loaded, not used
        import netrc  # noqa: F401 - loaded, not used

        from appliance.streaming import attempt  # noqa: F401 - loaded, not used


class Progress(msgspec.Struct, frozen=True):
    """How far a session has got, in samples from its start.

    `heard` is what the service surely has heard by now, `last_word` is where the last word ends.
    """

    captured: int
    sent: int
    heard: int
    covered: Covered
    last_word: int
    on_fallback: bool = False

    @property
    def waiting(self) -> float:
        """Seconds of audio that were not sent yet."""
        return (self.captured - self.sent) / SAMPLE_RATE

    @property
    def silence(self) -> float:
        """Seconds of transcribed audio since the last word; an outage is not silence."""
        return max(0.0, (self.heard - self.last_word) / SAMPLE_RATE)


class Session:
    """Sends the audio of a backlog to the service until all of it is transcribed.

    The thread "session" fetches a token, connects and listens, again and again. It ends when the
    backlog is finished and wholly transcribed, or when the session is abandoned. With a fallback,
    a service that is useless for `fallback_after` seconds gives way to the other one.

        session = Session(backlog, settings, post)
        session.start()
        session.finish()  # no more audio will come; ends with SessionEnded

    Args:
        backlog: holds the audio.
        settings: where the service and its fallback are.
        post: takes `Connected`, `TurnReceived`, `Disconnected` and `SessionEnded`.
        covered: what an earlier session covered.
        retry_policy: what an earlier session has learned about the primary service.
        fallback_policy: what is known about the fallback.
        tokens: fetches tokens of the primary service.
        fallback_after: seconds without a useful connection after which the other service is tried.
        stall_timeout: seconds without any progress after which a connection is dead.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        backlog: Backlog,
        settings: ServiceSettings,
        post: Post,
        *,
        covered: Covered | None = None,
        retry_policy: RetryPolicy | None = None,
        fallback_policy: RetryPolicy | None = None,
        tokens: "TokenSource | None" = None,
        fallback_after: float = FALLBACK_AFTER,
        stall_timeout: float = STALL_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = backlog.session
        self.backlog = backlog
        self._post = post
        self._tokens = tokens
        self._stall_timeout = stall_timeout
        self._clock = clock
        self._failover = Failover(
            settings, retry_policy or RetryPolicy(clock), fallback_after, clock, fallback_policy
        )
        self._covered = covered or Covered()
        self._last_word = self._covered.position
        self._stream: Stream | None = None
        self._warned: set[str] = set()
        self._abandoned = threading.Event()
        self._limit = TimeLimit()
        self._wake = threading.Event()
        # A daemon: a name server that never answers must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"session-{self.name}", daemon=True)

    @property
    def retry_policy(self) -> RetryPolicy:
        """What the attempts at the primary service have taught, for a session that follows."""
        return self._failover.primary.retry_policy

    def start(self) -> None:
        """Start to connect; returns at once."""
        self._thread.start()

    def finish(self) -> None:
        """Note that no more audio will come; the session ends when all is transcribed."""
        self.backlog.finish()
        if self._failover.current.retry_policy.may_hurry:
            self._wake.set()

    def abandon(self) -> None:
        """End the session soon, keeping what is left; returns at once."""
        self._abandoned.set()
        self._wake.set()
        self._limit.cancel()
        if stream := self._stream:
            stream.abandon()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end, at most `timeout` seconds."""
        self._thread.join(timeout)

    def progress(self) -> Progress:
        """Return how far the session's audio has got."""
        captured = self.backlog.captured
        on_fallback = self._failover.current.is_fallback
        stream = self._stream
        if stream is None:
            position = self._covered.position
            return Progress(
                captured, position, position, self._covered, self._last_word, on_fallback
            )
        last_word = max(self._last_word, stream.last_word)
        sent, heard = stream.sent, stream.heard
        return Progress(captured, sent, heard, stream.covered(), last_word, on_fallback)

    def _run(self) -> None:
        load_network()
        with import_lock:
            from appliance.streaming.attempt import StreamOpener

        opener = StreamOpener(
            self.backlog,
            self._post,
            self._tokens,
            time_left=lambda: self._failover.time_left,
            stall_timeout=self._stall_timeout,
            clock=self._clock,
            limit=self._limit,
        )
        complete = False
        self._wake.wait(self.retry_policy.wait)
        while not (complete or self._abandoned.is_set()):
            candidate = self._failover.current
            self._failover.note_attempt()
            opened = opener.open(candidate, self._covered)
            if isinstance(opened, Outcome):
                outcome, last_alive_at = opened, None
            else:
                outcome = self._follow(opened, candidate)
                complete = opened.complete
                last_alive_at = self._clock() - opened.unresponsive_for
            if not (complete or self._abandoned.is_set()):
                self._recover(outcome, last_alive_at)
        self._post(SessionEnded(self.name, complete))

    def _follow(self, stream: "Stream", candidate: Candidate) -> Outcome:
        """Run a stream to its end, and note what came of it; return how it ended."""
        with import_lock:
            from appliance.streaming.attempt import time_limit, was_useful

        began_at = self._clock()
        self._stream = stream
        if self._abandoned.is_set():
            stream.abandon()
        with time_limit(stream, self._failover.time_left, self.name):
            outcome = stream.run()
        alive_for = self._clock() - stream.unresponsive_for - began_at
        useful = was_useful(stream, outcome, alive_for)
        if stream.has_heartbeats or outcome.cause is Cause.UNACKNOWLEDGED:
            candidate.note_heartbeats(came=stream.has_heartbeats, heard_turn=stream.heard_turn)
        candidate.unstable = not useful and (stream.began or candidate.unstable)
        if useful:
            covered_more = stream.covered().position > stream.origin
            self._failover.note_success(progress=covered_more)
            self._warned.clear()
        self._covered = stream.covered()
        self._last_word = max(self._last_word, stream.last_word)
        self._stream = None
        return outcome

    def _recover(self, outcome: Outcome, last_alive_at: float | None) -> None:
        """Report what happened, and wait for the time of the next attempt."""
        self._wake.clear()
        fault = self._failover.current.fault(outcome)
        shown = self._failover.fault(outcome)
        wait = self._failover.note(outcome, last_alive_at)
        log.log(
            self._level(fault),
            "%s (%s); next attempt in %.1f s",
            fault.what if fault else "reconnecting",
            outcome,
            wait,
        )
        self._post(Disconnected(self.name, shown))
        if not self._abandoned.is_set():
            self._wake.wait(wait)

    def _level(self, fault: Fault | None) -> int:
        """Return the log level: a night without network must not fill the log with warnings."""
        if fault is None:
            return logging.INFO
        if fault.what in self._warned:
            return logging.DEBUG
        self._warned.add(fault.what)
        return logging.WARNING
