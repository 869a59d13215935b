"""One session with the service, over as many connections as it takes.

The live session and a delivery are the same: the backlog of a delivery simply does not grow.

What talks to the network takes longer to load than all the rest, seconds on a Zero. The box is
ready without it, so it is loaded on a thread of its own, or at the latest on the session's.
"""
# ruff: noqa: PLC0415

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Disconnected, Fault, Post, SessionEnded
from appliance.core.turns import Covered
from appliance.settings.schema import ServiceSettings
from appliance.streaming.failover import PATIENCE, Endpoint, Failover
from appliance.streaming.outcomes import Outcome, Reaction, rule_for
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.spool.backlog import Backlog

if TYPE_CHECKING:
    from appliance.streaming.stream import Stream
    from appliance.streaming.tokens import TokenSource

log = logging.getLogger(__name__)

STEADY = 10.0
"""Seconds after which a connection has proved itself: what ends it later is a new trouble."""

HUNG = 60.0
"""Seconds in which a service notices that what hears for it hangs: where no turn came, and then
its fault is told, nobody has heard the silence."""


def load_network() -> None:
    """Load what talks to the network, so that the first session need not wait for it."""
    from appliance.streaming import stream, tokens, transport  # noqa: F401 - loaded, not used


class Progress(msgspec.Struct, frozen=True):
    """How far a session got, in samples from its start.

    `heard` is what the service has surely heard by now, `last_word` where the last one ends.
    `elsewhere` tells that the session is at the fallback.
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
    """Brings the audio of `backlog` to the service, from `covered` on, until all is transcribed.

    The thread "session" fetches a token, connects and listens, again and again; it ends when the
    backlog is finished and wholly transcribed, or when the session is abandoned. With a fallback,
    a service that is of no use for `patience` seconds gives way to the other one.
    """

    def __init__(
        self,
        backlog: Backlog,
        settings: ServiceSettings,
        post: Post,
        *,
        covered: Covered | None = None,
        retry_policy: RetryPolicy | None = None,
        tokens: "TokenSource | None" = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = backlog.session
        self.backlog = backlog
        self._post = post
        self._tokens = tokens
        self._clock = clock
        self._services = Failover(settings, retry_policy or RetryPolicy(clock), patience, clock)
        self._covered = covered or Covered()
        self._last_word = self._covered.position
        self._conversation: Stream | None = None
        self._warned: set[str] = set()
        self._abandoned = threading.Event()
        self._wake = threading.Event()
        # A name server that never answers can't be interrupted; the program may end all the same.
        self._thread = threading.Thread(target=self._run, name=f"session-{self.name}", daemon=True)

    @property
    def retry_policy(self) -> RetryPolicy:
        """What the tries at the first service have taught, for a session that follows."""
        return self._services.first.retry_policy

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def finish(self) -> None:
        """Say that no more audio will come; the session ends when all is transcribed."""
        self.backlog.finish()
        if self._services.current.retry_policy.may_hurry:
            self._wake.set()

    def abandon(self) -> None:
        """End the session soon, with what is left kept; returns at once."""
        self._abandoned.set()
        self._wake.set()
        if stream := self._conversation:
            stream.abandon()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end, for so many seconds at most."""
        self._thread.join(timeout)

    def progress(self) -> Progress:
        """Return how far the session's audio got."""
        captured = self.backlog.captured
        on_fallback = self._services.current.is_fallback
        stream = self._conversation
        if stream is None:
            position = self._covered.position
            return Progress(
                captured, position, position, self._covered, self._last_word, on_fallback
            )
        last_word = max(self._last_word, stream.last_word)
        sent, heard = stream.sent, stream.heard
        return Progress(captured, sent, heard, stream.covered(), last_word, on_fallback)

    def _run(self) -> None:
        from appliance.streaming.tokens import TokenError

        complete = False
        self._wake.wait(self.retry_policy.wait)
        while not (complete or self._abandoned.is_set()):
            service = self._services.current
            alive_at = None
            self._services.note_try()
            try:
                outcome = self._converse(service, self._fetch_token(service))
            except TokenError as refusal:
                outcome = refusal.outcome
            if stream := self._conversation:
                complete = stream.complete
                alive_at = self._clock() - stream.silence
                self._covered = stream.covered()
                self._last_word = max(self._last_word, stream.last_word)
                self._conversation = None
            if not (complete or self._abandoned.is_set()):
                self._recover(outcome, alive_at)
        self._post(SessionEnded(self.name, complete))

    def _fetch_token(self, service: Endpoint) -> str:
        from appliance.streaming.tokens import TokenSource

        if service.is_fallback or self._tokens is None:
            source = TokenSource(service.settings, fallback=service.is_fallback)
        else:
            source = self._tokens
        return source.fetch(self._services.left)

    def _converse(self, service: Endpoint, token: str) -> Outcome:
        from appliance.streaming.stream import Stream
        from appliance.streaming.transport import PONG_PATIENCE, STALL, Transport

        began_at = self._clock()
        left = self._services.left
        patience = STALL if left is None else min(STALL, max(left, 0.1))
        # Where there is a fallback, a service that hangs has one more chance before it gives way.
        pong = PONG_PATIENCE if left is None else STALL
        stream = Stream(
            self.backlog,
            self._covered,
            service.retry_policy.pace,
            lambda listener: Transport(
                service.settings, token, listener, patience, pong_patience=pong
            ),
            self._post,
            self._clock,
            wary=service.breaks_off,
        )
        self._conversation = stream
        if self._abandoned.is_set():
            stream.abandon()
        with self._patience_with(stream):
            outcome = stream.run()
        alive_for = self._clock() - stream.silence - began_at
        of_use = _was_of_use(stream, outcome, alive_for)
        service.breaks_off = not of_use and (stream.began or service.breaks_off)
        if of_use:
            self._services.note_success()
            self._warned.clear()
        return outcome

    @contextlib.contextmanager
    def _patience_with(self, stream: "Stream") -> Iterator[None]:
        """Give the conversation up in time for the other service, unless it begins before."""
        left = self._services.left
        if left is None:
            yield
            return
        patience = threading.Timer(left, stream.give_up)
        patience.name = f"patience-{self.name}"
        patience.daemon = True  # it may have minutes left when the program must end
        patience.start()
        try:
            yield
        finally:
            patience.cancel()
            patience.join()

    def _recover(self, outcome: Outcome, alive_at: float | None) -> None:
        """Say what happened, and wait for the time of the next try."""
        self._wake.clear()
        fault = self._services.current.fault(outcome)
        told = self._services.fault(outcome)
        wait = self._services.note(outcome, alive_at)
        log.log(
            self._level(fault),
            "%s (%s); next try in %.1f s",
            fault.what if fault else "connecting anew",
            outcome,
            wait,
        )
        self._post(Disconnected(self.name, told, wait))
        if not self._abandoned.is_set():
            self._wake.wait(wait)

    def _level(self, fault: Fault | None) -> int:
        """Return how loudly it is logged: a night without a network is no thousand warnings."""
        if fault is None:
            return logging.INFO
        if fault.what in self._warned:
            return logging.DEBUG
        self._warned.add(fault.what)
        return logging.WARNING


def _was_of_use(stream: "Stream", outcome: Outcome, lasted: float) -> bool:
    """Tell whether a connection has proved that the service can be reached, and hears.

    `lasted` is how many seconds lay between its beginning and its last sign of life.
    """
    faulty = rule_for(outcome).reaction is Reaction.RETRY
    hung = faulty and not stream.heard_turn and lasted < HUNG
    if hung or stream.unanswered:
        return False
    further = stream.covered().position > stream.origin
    return further or (stream.began and lasted > STEADY)
