"""Stream over one connection: audio out at its pace, turns in, `Terminate` at the end."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Post
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered
from appliance.streaming.frame_reader import FrameReader, padded
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.receiver import Receiver
from appliance.streaming.retry_policy import Pace
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.suspect_audio import TURN_TIMEOUT, SuspectAudio
from appliance.streaming.transport import Transport, TransportListener

log = logging.getLogger(__name__)

BEGIN_TIMEOUT = 10.0
"""Seconds in which a service that listens says `Begin`."""

TERMINATION_TIMEOUT = 60.0
"""Seconds in which a service answers `Terminate`, after the time that it needs to hear everything
at the speed at which it was spoken."""

CONNECTED_AFTER = 3.0
"""Seconds after which an unstable service counts as connected, unless it finishes a turn earlier.
Captions that it sends before would only flicker on the screen."""

FAST = 2.0
"""The `realtime_factor` from which on a service may soon refuse audio as too fast."""

CLOSE_TIMEOUT = 2.0
"""Seconds in which the service closes the connection after its `Termination`."""

OpenTransport = Callable[[TransportListener], Transport]


class Stream:
    """One connection's share of a session: the audio that earlier ones have not covered.

    `run` blocks on the session's thread, which thus is the thread of the callbacks; a thread
    "sender" reads the backlog. `origin` is the position where this connection's audio starts.
    `began` says that the service listens, `heard_turn` that it heard words, `complete` that it has
    transcribed everything. `unresponsive_for` is set at the end: the seconds since the service's
    last sign of life.

    Args:
        backlog: holds the session's audio.
        earlier: what earlier connections covered.
        pace: how far audio may run ahead of real time.
        open_transport: returns the connection, not yet run, that reports to this stream.
        post: takes the receiver's events.
        clock: monotonic seconds.
        unstable: the service dropped its last connection early; its `Begin` says little.
        expects_heartbeats: the service has sent heartbeats on an earlier connection.
        suspect: what earlier connections may have been deaf for.
        asked: the owner's parameters, to compare with what the service applies.
    """

    def __init__(
        self,
        backlog: Backlog,
        earlier: Covered,
        pace: Pace,
        open_transport: OpenTransport,
        post: Post,
        clock: Callable[[], float] = time.monotonic,
        *,
        unstable: bool = False,
        expects_heartbeats: bool = False,
        suspect: SuspectAudio | None = None,
        asked: Mapping[str, object] | None = None,
    ) -> None:
        self._clock = clock
        self._opened_at = clock()
        self.origin = max(earlier.position, backlog.start)
        self._receiver = Receiver(
            backlog,
            earlier,
            self.origin,
            post,
            clock,
            unstable=unstable,
            expects_heartbeats=expects_heartbeats,
            suspect=suspect or SuspectAudio(),
            asked=asked or {},
        )
        self._over = threading.Event()
        self._abandoned = threading.Event()
        self._reader = FrameReader(backlog, self.origin, pace, self._elapsed, self._over)
        self._sender = threading.Thread(target=self._send, name=f"sender-{backlog.session}")
        self._why_left: Cause | None = None
        self._given_up = False
        self._terminating = False
        self._terminated_at = self._opened_at
        self._missing_for = 0.0
        self.unresponsive_for = 0.0
        self._transport = open_transport(self)

    @property
    def began(self) -> bool:
        """Whether the service listens."""
        return self._receiver.began

    @property
    def heard_turn(self) -> bool:
        """Whether the service heard words."""
        return self._receiver.heard_turn

    @property
    def complete(self) -> bool:
        """Whether the service has transcribed everything."""
        return self._receiver.complete

    @property
    def has_heartbeats(self) -> bool:
        """Whether the service sends heartbeats."""
        return self._receiver.has_heartbeats

    @property
    def sent(self) -> int:
        """The position up to which audio was sent."""
        return self._reader.position

    @property
    def heard(self) -> int:
        """The position up to which the service surely has heard: it keeps up with real time."""
        return min(self.sent, self.origin + round(self._elapsed() * SAMPLE_RATE))

    @property
    def last_word(self) -> int:
        """The position where the last word ends that was heard."""
        return self._receiver.last_word

    @property
    def termination_is_overdue(self) -> bool:
        """Whether the service should have answered `Terminate` by now."""
        heard_at = self._opened_at + (self.sent - self.origin) / SAMPLE_RATE
        due = max(heard_at, self._terminated_at) + TERMINATION_TIMEOUT
        return self._terminating and not self.complete and self._clock() > due

    def covered(self) -> Covered:
        """Return what is covered by now."""
        return self._receiver.covered()

    def run(self) -> Outcome:
        """Stream until the connection ends; return how it did."""
        outcome = self._transport.run()
        self.unresponsive_for = max(self._transport.unresponsive_for, self._missing_for)
        self._over.set()
        if self._sender.ident is not None:
            self._sender.join()
        if self._receiver.terminated and self._terminating and not self.complete:
            self._why_left = Cause.DEAF
        if not self.complete:
            self._receiver.note_end(heard=self._why_left is Cause.DEAF)
        return self._explained(outcome)

    def _explained(self, outcome: Outcome) -> Outcome:
        """Return the outcome with what the service's `Error` said, where the close says less."""
        if self._why_left:
            return Outcome(outcome.stage, cause=self._why_left)
        error = self._receiver.error
        said = outcome.with_error(error.code, error.text)
        if said.code is not None or self.began:
            return said
        if self._given_up or outcome.stage is Stage.SESSION:
            return Outcome(said.stage, text=said.text, cause=Cause.NEVER_BEGAN)
        return said

    def abandon(self) -> None:
        """End the connection soon, unfinished; returns at once."""
        self._abandoned.set()
        if self._sender.ident is None:
            self._transport.abort()

    def give_up(self) -> None:
        """End the connection unless the service listens by now; returns at once."""
        if not self.began:
            self._given_up = True
            self.abandon()

    # On the connection's thread

    def opened(self) -> None:
        """Start to send audio (`on_open`).

        It does not wait for `Begin`: that would cost a round trip, and audio that a service takes
        without ever beginning is not covered, so it is sent again.
        """
        self._opened_at = self._clock()
        self._receiver.opened()
        self._sender.start()

    def received(self, frame: str | bytes) -> None:
        """Take one message (`on_message`)."""
        self._receiver.take(frame, self._transport.without_token)
        if self._receiver.terminated:
            self._over.set()

    # On the sender's thread

    def _send(self) -> None:
        while not self._over.is_set():
            self._transport.check()
            self._check_service()
            if self._must_end():
                if not self._terminating:
                    self._transport.send_message(TERMINATE)
                self._transport.abort()
                return
            if self._terminating:
                self._over.wait(0.1)
            elif self._transport.is_congested:
                self._over.wait(0.05)
            elif frame := self._reader.read():
                self._send_frame(frame)
            elif self._reader.is_at_end:
                self._terminate()
        self._await_close()

    def _check_service(self) -> None:
        """Look at what the service has said, and whether another connection is better."""
        receiver = self._receiver
        if receiver.began and not receiver.connected and self._elapsed() > CONNECTED_AFTER:
            receiver.note_began(stable=True)
        if receiver.realtime_factor >= FAST:
            self._reader.keep_lead()
        if self._terminating or self._why_left:
            return
        # Leave when only a new connection can catch up, and what this one heard is covered.
        at_max_lead = self._reader.is_at_max_lead
        if at_max_lead and receiver.cut_off(round(TURN_TIMEOUT * SAMPLE_RATE)):
            self._why_left = Cause.LEAD_LIMIT
        elif missing_for := receiver.missing_for():
            log.info("the service acknowledges no audio any more; reconnecting")
            self._missing_for, self._why_left = missing_for, Cause.UNACKNOWLEDGED
        elif receiver.is_deaf():
            log.info("the service made no words of speech that it told; sending it again")
            self._why_left = Cause.DEAF

    def _terminate(self) -> None:
        if self._receiver.must_wait():
            self._over.wait(0.1)
            return
        self._terminated_at = self._clock()
        self._receiver.note_terminating()
        self._terminating = True
        self._transport.send_message(TERMINATE)

    def _must_end(self) -> bool:
        """Return whether this connection must end before all is transcribed.

        It was abandoned; or another one is better; or audio was dropped before it was sent; or the
        service does not say `Begin`, or does not answer `Terminate`.
        """
        return (
            self._abandoned.is_set()
            or self._why_left is not None
            or self._reader.is_outrun
            or (not self.began and self._elapsed() > BEGIN_TIMEOUT)
            or self.termination_is_overdue
        )

    def _elapsed(self) -> float:
        return self._clock() - self._opened_at

    def _send_frame(self, frame: bytes) -> None:
        if self._transport.send_audio(padded(frame)):
            self._reader.advance(frame)
            self._receiver.note_sent(self.sent)
        else:
            self._over.set()

    def _await_close(self) -> None:
        """Let the service close the connection, for `CLOSE_TIMEOUT` seconds at most."""
        deadline = self._clock() + CLOSE_TIMEOUT
        while not self._transport.ended.wait(0.1):
            if self._clock() > deadline:
                self._transport.abort()
                return
