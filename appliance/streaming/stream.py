"""Stream over one connection: audio out at its pace, turns in, `Terminate` at the end."""

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Connected, Post, SpeakersRevised, TurnReceived
from appliance.core.json_response import MAX_TEXT
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered, Revision, Turn
from appliance.streaming.coverage import SILENCE_AFTER, Coverage
from appliance.streaming.frame_reader import FrameReader, padded
from appliance.streaming.messages import (
    TERMINATE,
    Begin,
    ServiceError,
    SpeakerRevision,
    Termination,
    decode,
)
from appliance.streaming.outcomes import Outcome, Stage, shortened
from appliance.streaming.retry_policy import Pace
from appliance.streaming.spool.backlog import Backlog
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

REVISED_TURNS = 64
"""Turns whose revised speakers are remembered: only the newest may still come once more."""

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
        post: takes `Connected`, `TurnReceived` and `SpeakersRevised`.
        clock: monotonic seconds.
        unstable: the service dropped its last connection early; its `Begin` says little.
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
    ) -> None:
        self._backlog = backlog
        self._post = post
        self._clock = clock
        self._unstable = unstable
        self._opened_at = clock()
        self._earlier = earlier
        self.origin = max(earlier.position, backlog.start)
        self._coverage = Coverage(self.origin, earlier, self._opened_at)
        self._lock = threading.Lock()  # coverage and posts: of the sender, and of the callbacks
        self._over = threading.Event()
        self._abandoned = threading.Event()
        self._reader = FrameReader(backlog, self.origin, pace, self._elapsed, self._over)
        self._sender = threading.Thread(target=self._send, name=f"sender-{backlog.session}")
        self._error = ServiceError()
        self._at_max_lead = False
        self._given_up = False
        self._connected = False
        self._revised: dict[int, str] = {}
        self._terminating = False
        self._terminated_at = self._opened_at
        self.began = False
        self.heard_turn = False
        self.complete = False
        self.unresponsive_for = 0.0
        self._transport = open_transport(self)

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
        return self._coverage.last_word

    @property
    def termination_is_overdue(self) -> bool:
        """Whether the service should have answered `Terminate` by now."""
        heard_at = self._opened_at + (self.sent - self.origin) / SAMPLE_RATE
        due = max(heard_at, self._terminated_at) + TERMINATION_TIMEOUT
        return self._terminating and not self.complete and self._clock() > due

    def covered(self) -> Covered:
        """Return what is covered by now."""
        with self._lock:
            return self._covered()

    def _covered(self) -> Covered:
        # Nothing after `Terminate` is not silence: the answer is missing.
        now = self._terminated_at if self._terminating else self._clock()
        return self._coverage.covered(now)

    def run(self) -> Outcome:
        """Stream until the connection ends; return how it did."""
        outcome = self._transport.run()
        self.unresponsive_for = self._transport.unresponsive_for
        self._over.set()
        if self._sender.ident is not None:
            self._sender.join()
        return self._explained(outcome)

    def _explained(self, outcome: Outcome) -> Outcome:
        """Return the outcome with what the service's `Error` said, where the close says less."""
        if self._at_max_lead:
            return Outcome(outcome.stage, cause=Cause.LEAD_LIMIT)
        said = outcome.with_error(self._error.code, self._error.text)
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
        with self._lock:
            self._coverage = Coverage(self.origin, self._earlier, self._opened_at)
        self._sender.start()

    def received(self, frame: str | bytes) -> None:
        """Take one message (`on_message`)."""
        match decode(frame):
            case Turn() as turn:
                # A service that transcribes listens, even if it did not say `Begin`.
                self._note_began(stable=turn.finished or not self._unstable)
                self._note_turn(turn)
            case Begin():
                self._note_began(stable=not self._unstable)
            case SpeakerRevision(revisions):
                self._note_revisions(revisions)
            case Termination():
                if self._terminating:
                    # One that was not asked for says nothing about audio still on its way.
                    with self._lock:
                        self._coverage.terminated()
                    self.complete = True
                self._over.set()
            case ServiceError() as error:
                text = self._transport.without_token(error.text)[:MAX_TEXT]
                self._error = msgspec.structs.replace(error, error=text)
                log.info("the service says: %s", shortened(text))

    def _note_began(self, *, stable: bool) -> None:
        """Note that the service listens; post `Connected`, before any turn, once it is stable."""
        with self._lock:
            if not self.began:
                self._coverage.began()
            if stable and not self._connected:
                self._post(Connected(self._backlog.session, self._earlier))
                self._connected = True
        self.began = True

    def _note_turn(self, turn: Turn) -> None:
        now = self._clock()
        self.heard_turn = self.heard_turn or bool(turn.text or turn.tentative)
        # The turn is posted under the lock: whoever sees what it covers must find it posted.
        with self._lock:
            if self._at_max_lead:
                return  # cut off amid a word; the next connection hears it whole
            self._coverage.heard(turn, now)
            if not self._connected:
                return
            first, last = self._extent(turn)
            self._post(
                TurnReceived(
                    self._backlog.session,
                    self.origin,
                    # Nobody needs the words' places any more; an hour without a pause has many.
                    msgspec.structs.replace(
                        turn, words=(), speaker=self._revised.get(turn.order, turn.speaker)
                    ),
                    started=self._backlog.time_of(first),
                    ended=self._backlog.time_of(last),
                    covered=self._covered(),
                )
            )

    def _note_revisions(self, revisions: tuple[Revision, ...]) -> None:
        """Post who spoke; the last word about a turn counts, also if the turn comes once more."""
        with self._lock:
            if self._connected:
                self._revised |= {it.order: it.speaker for it in revisions}
                newest = sorted(self._revised)[-REVISED_TURNS:]
                self._revised = {order: self._revised[order] for order in newest}
                self._post(SpeakersRevised(self._backlog.session, self.origin, revisions))

    def _extent(self, turn: Turn) -> tuple[int, int]:
        """Return the positions where a turn starts and ends; just now for one without words."""
        if not turn.words:
            return self.sent, self.sent
        first = min(word.start for word in turn.words)
        last = max(word.end for word in turn.words)
        return self._coverage.position(first), self._coverage.position(last)

    # On the sender's thread

    def _send(self) -> None:
        while not self._over.is_set():
            self._transport.check()
            self._check_lead()
            if self.began and not self._connected and self._elapsed() > CONNECTED_AFTER:
                self._note_began(stable=True)
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
                self._terminated_at = self._clock()
                self._terminating = True
                self._transport.send_message(TERMINATE)
        self._await_close()

    def _check_lead(self) -> None:
        """Leave this connection when only a new one can catch up, and what it heard is covered."""
        if self._reader.is_at_max_lead:
            with self._lock:
                uncovered = self.sent - self._covered().position
                self._at_max_lead = uncovered < SILENCE_AFTER * SAMPLE_RATE

    def _must_end(self) -> bool:
        """Return whether this connection must end before all is transcribed.

        It was abandoned; or it can't catch up; or audio was dropped before it was sent; or the
        service does not say `Begin`, or does not answer `Terminate`.
        """
        return (
            self._abandoned.is_set()
            or self._at_max_lead
            or self._reader.is_outrun
            or (not self.began and self._elapsed() > BEGIN_TIMEOUT)
            or self.termination_is_overdue
        )

    def _elapsed(self) -> float:
        return self._clock() - self._opened_at

    def _send_frame(self, frame: bytes) -> None:
        if self._transport.send_audio(padded(frame)):
            self._reader.advance(frame)
            with self._lock:
                self._coverage.sent(self.sent, self._clock())
        else:
            self._over.set()

    def _await_close(self) -> None:
        """Let the service close the connection, for `CLOSE_TIMEOUT` seconds at most."""
        deadline = self._clock() + CLOSE_TIMEOUT
        while not self._transport.ended.wait(0.1):
            if self._clock() > deadline:
                self._transport.abort()
                return
