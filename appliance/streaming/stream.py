"""What is said over one connection: audio out at its pace, turns in, `Terminate` at the end."""

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.events import Connected, Post, TurnReceived
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered, Turn
from appliance.streaming.coverage import PATIENCE, Coverage
from appliance.streaming.messages import TERMINATE, Begin, ServiceError, Termination, decode
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.retry_policy import Pace
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.transport import Listener, Transport

log = logging.getLogger(__name__)

SHORTEST = SAMPLE_RATE // 20
USUAL = SAMPLE_RATE // 10
LONGEST = SAMPLE_RATE
"""Samples in a frame: the service ends the session over any outside 50 to 1000 ms."""

BEGIN_TIME = 10.0
"""Seconds in which a service that listens says `Begin`."""

ANSWER_TIME = 60.0
"""Seconds in which a service that hears in real time answers `Terminate`, counted from the moment
when it has heard everything."""

PROVEN = 3.0
"""Seconds after which one at a service that broke off before is told to be connected, unless it
finishes a turn first. What it hears until then would only come and go on the screen."""

LATE = 10.0
"""Seconds that captions may stay behind before a connection that is held back is given up."""

GOODBYE = 2.0
"""Seconds in which the service closes the connection after its `Termination`."""

Connect = Callable[[Listener], Transport]


class Stream:
    """One connection's share of a session: what earlier ones have not covered.

    `run` blocks on the session's thread, which thus is the thread of the callbacks; a thread
    "sender" reads the backlog. `began` tells that the service listens, `heard_turn` that it heard
    words, and `complete` that it has transcribed everything; `silence` is for how many seconds the
    service had given no sign of life when it ended.

    Args:
        wary: the service broke off lately; that it begins is not worth telling yet.
    """

    def __init__(
        self,
        backlog: Backlog,
        earlier: Covered,
        pace: Pace,
        connect: Connect,
        post: Post,
        clock: Callable[[], float] = time.monotonic,
        *,
        wary: bool = False,
    ) -> None:
        self._backlog = backlog
        self._pace = pace
        self._post = post
        self._clock = clock
        self._wary = wary
        self._opened_at = clock()
        self._earlier = earlier
        self.origin = max(earlier.position, backlog.start)
        self.sent = self.origin
        self._coverage = Coverage(self.origin, earlier, self._opened_at)
        self._lock = threading.Lock()  # coverage and posts: of the sender, and of the callbacks
        self._over = threading.Event()
        self._abandoned = threading.Event()
        self._sender = threading.Thread(target=self._send, name=f"sender-{backlog.session}")
        self._refusal = ""
        self._refusal_code: int | None = None
        self._held_back = False
        self._given_up = False
        self._connected = False
        self._terminating = False
        self._terminated_at = self._opened_at
        self.began = False
        self.heard_turn = False
        self.complete = False
        self.silence = 0.0
        self._connection = connect(self)

    @property
    def last_word(self) -> int:
        """The position where the last word ends that was heard."""
        return self._coverage.last_word

    @property
    def unanswered(self) -> bool:
        """Whether the service should have answered `Terminate` long ago."""
        heard_at = self._opened_at + (self.sent - self.origin) / SAMPLE_RATE
        due = max(heard_at, self._terminated_at) + ANSWER_TIME
        return self._terminating and not self.complete and self._clock() > due

    @property
    def heard(self) -> int:
        """The position up to which the service has surely heard: it keeps up with real time."""
        return min(self.sent, self.origin + round(self._elapsed() * SAMPLE_RATE))

    def covered(self) -> Covered:
        """Return what is covered by now."""
        with self._lock:
            return self._covered()

    def _covered(self) -> Covered:
        # That nothing comes after `Terminate` is no silence, but an answer that fails to come.
        now = self._terminated_at if self._terminating else self._clock()
        return self._coverage.covered(now)

    def run(self) -> Outcome:
        """Talk until the connection ends; return how it did."""
        outcome = self._connection.run()
        self.silence = self._connection.silence
        self._over.set()
        if self._sender.ident is not None:
            self._sender.join()
        return self._explained(outcome)

    def _explained(self, outcome: Outcome) -> Outcome:
        """Return the outcome with what the service's `Error` said, where the close says less."""
        if self._held_back:
            return Outcome(outcome.stage, cause=Cause.LEAD_LIMIT)
        code, text = outcome.code, outcome.text or self._refusal
        if code is None and self._refusal_code is not None:
            return Outcome(outcome.stage, self._refusal_code, text)
        if code is None and not self.began and (self._given_up or outcome.stage is Stage.SESSION):
            return Outcome(outcome.stage, text=text, cause=Cause.NEVER_BEGAN)
        return Outcome(outcome.stage, code, text, outcome.cause)

    def abandon(self) -> None:
        """End it soon, unfinished; returns at once."""
        self._abandoned.set()
        if self._sender.ident is None:
            self._connection.abort()

    def give_up(self) -> None:
        """End it unless the service listens by now; returns at once."""
        if not self.began:
            self._given_up = True
            self.abandon()

    # On the connection's thread

    def opened(self) -> None:
        """Let audio go (`on_open`).

        It need not wait for `Begin`: that would cost a way there and back, and what a service
        takes that never begins is not covered, and so sent again.
        """
        self._opened_at = self._clock()
        with self._lock:
            self._coverage = Coverage(self.origin, self._earlier, self._opened_at)
        self._sender.start()

    def received(self, frame: str | bytes) -> None:
        """Take one message (`on_message`)."""
        match decode(frame):
            case Turn() as turn:
                # Who transcribes listens, whether or not it said so.
                self._begin(proven=turn.finished or not self._wary)
                self._heard(turn)
            case Begin():
                self._begin(proven=not self._wary)
            case Termination():
                if self._terminating:
                    # Unasked, it says nothing of what is still on its way.
                    with self._lock:
                        self._coverage.terminated()
                    self.complete = True
                self._over.set()
            case ServiceError() as refusal:
                self._refusal = self._connection.without_token(refusal.error)[:120]
                self._refusal_code = refusal.code
                log.info("the service says: %s", self._refusal)

    def _begin(self, *, proven: bool) -> None:
        """Note that the service listens; say so, before the first turn, once it is proven."""
        with self._lock:
            if not self.began:
                self._coverage.began()
            if proven and not self._connected:
                self._post(Connected(self._backlog.session, self._earlier))
                self._connected = True
        self.began = True

    def _heard(self, turn: Turn) -> None:
        now = self._clock()
        self.heard_turn = self.heard_turn or bool(turn.text or turn.tentative)
        # Whoever sees what a turn covers must find the turn posted.
        with self._lock:
            if self._held_back:
                return  # cut off amid a word; the next connection hears it whole
            self._coverage.heard(turn, now)
            if not self._connected:
                return
            first, last = self._extent(turn)
            self._post(
                TurnReceived(
                    self._backlog.session,
                    self.origin,
                    # Where each word lies matters no further; an hour without a pause has many.
                    msgspec.structs.replace(turn, words=()),
                    started=self._backlog.time_of(first),
                    ended=self._backlog.time_of(last),
                    covered=self._covered(),
                )
            )

    def _extent(self, turn: Turn) -> tuple[int, int]:
        """Return from where to where the turn was said; all of it just now if it has no words."""
        if not turn.words:
            return self.sent, self.sent
        first = min(word.start for word in turn.words)
        last = max(word.end for word in turn.words)
        return self._coverage.position(first), self._coverage.position(last)

    # On the sender's thread

    def _send(self) -> None:
        while not self._over.is_set():
            self._connection.check()
            self._watch_pace()
            if self.began and not self._connected and self._elapsed() > PROVEN:
                self._begin(proven=True)
            if self._is_hopeless():
                if not self._terminating:
                    self._connection.send_message(TERMINATE)
                self._connection.abort()
                return
            if self._terminating:
                self._over.wait(0.1)
            elif self._connection.is_congested:
                self._over.wait(0.05)
            elif frame := self._next_frame():
                self._send_frame(frame)
            elif self._backlog.finished and self.sent >= self._backlog.captured:
                self._terminated_at = self._clock()
                self._terminating = True
                self._connection.send_message(TERMINATE)
        self._await_close()

    def _watch_pace(self) -> None:
        """Give this connection up when only a new one can catch up, and this one has done its part.

        The service takes audio no further ahead of real time than so much in each connection.
        """
        if not (self._allowed() < 1.0 and self._pace.is_at_max_lead(self._elapsed())):
            return
        if self._backlog.captured - self.sent > LATE * SAMPLE_RATE:
            with self._lock:
                covered = self._covered().position
                self._held_back = self.sent - covered < PATIENCE * SAMPLE_RATE

    def _is_hopeless(self) -> bool:
        """Tell whether this connection is to end before all is transcribed.

        It was abandoned; or it is held back; or the backlog was full, and audio had to go that
        was not sent yet; or the service does not say `Begin`, or does not answer `Terminate`.
        """
        return (
            self._abandoned.is_set()
            or self._held_back
            or self.sent < self._backlog.start
            or (not self.began and self._elapsed() > BEGIN_TIME)
            or self.unanswered
        )

    def _next_frame(self) -> bytes:
        """Return the audio to send next, after a short wait at most; nothing when it is not time.

        The last piece of a recording is padded with silence to the shortest frame allowed.
        """
        allowed = self._allowed()
        if allowed < USUAL / SAMPLE_RATE:
            self._over.wait(USUAL / SAMPLE_RATE - allowed)
            return b""
        finished = self._backlog.finished  # before `captured`, which then can't grow any more
        available = self._backlog.captured - self.sent
        if available < USUAL and not finished:
            self._backlog.wait_beyond(self.sent + USUAL - 1, timeout=USUAL / SAMPLE_RATE)
            return b""
        return self._gather(min(available, LONGEST, round(allowed * SAMPLE_RATE)))

    def _elapsed(self) -> float:
        return self._clock() - self._opened_at

    def _allowed(self) -> float:
        """Return how many seconds of audio may be sent now."""
        return self._pace.allowance(self._elapsed()) - (self.sent - self.origin) / SAMPLE_RATE

    def _gather(self, samples: int) -> bytes:
        """Return that many samples from the backlog, over the ends of its segments."""
        frame = b""
        while piece := self._backlog.read(
            self.sent + len(frame) // SAMPLE_BYTES, samples - len(frame) // SAMPLE_BYTES
        ):
            frame += piece
        return frame

    def _send_frame(self, frame: bytes) -> None:
        if self._connection.send_audio(frame.ljust(SHORTEST * SAMPLE_BYTES, b"\0")):
            self.sent += len(frame) // SAMPLE_BYTES
            with self._lock:
                self._coverage.sent(self.sent, self._clock())
        else:
            self._over.set()

    def _await_close(self) -> None:
        """Let the service close; it need not take longer than it takes to say so."""
        deadline = self._clock() + GOODBYE
        while not self._connection.ended.wait(0.1):
            if self._clock() > deadline:
                self._connection.abort()
                return
