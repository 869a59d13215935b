"""Receiver of one connection's messages: what they say is covered, and posted."""

import logging
import threading
from collections.abc import Callable, Mapping

import msgspec

from appliance.core.events import (
    Connected,
    ParametersUnapplied,
    Post,
    SpeakersRevised,
    TurnReceived,
)
from appliance.core.json_response import MAX_TEXT
from appliance.core.turns import Covered, Revision, Turn
from appliance.streaming.acknowledgements import Acknowledgements
from appliance.streaming.configuration import unapplied
from appliance.streaming.coverage import Coverage
from appliance.streaming.messages import (
    Begin,
    Heartbeat,
    ServiceError,
    Silence,
    SpeakerRevision,
    Termination,
    decode,
)
from appliance.streaming.outcomes import shortened
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.suspect_audio import SuspectAudio

log = logging.getLogger(__name__)

REVISED_TURNS = 64
"""Turns whose revised speakers are remembered: only the newest may still come once more."""


class Receiver:
    """What a service says over one connection.

    Messages come on the connection's thread; `note_sent` and the questions about coverage come on
    the sender's, too.

    Args:
        backlog: holds the session's audio.
        earlier: what earlier connections covered.
        origin: the position where the connection's audio starts.
        post: takes `Connected`, `TurnReceived`, `SpeakersRevised` and `ParametersUnapplied`.
        clock: monotonic seconds.
        unstable: the service dropped its last connection early; its `Begin` says little.
        expects_heartbeats: the service has sent heartbeats on an earlier connection.
        suspect: what earlier connections may have been deaf for.
        asked: the owner's parameters, to compare with what the service applies.

    Attributes:
        began: whether the service listens.
        connected: whether `Connected` was posted.
        heard_turn: whether the service heard words.
        terminated: whether the service has terminated as asked.
        complete: whether it has transcribed everything.
        error: what it said before it closes the connection.
        realtime_factor: how many times as fast as spoken the audio comes, as the service says.
    """

    def __init__(
        self,
        backlog: Backlog,
        earlier: Covered,
        origin: int,
        post: Post,
        clock: Callable[[], float],
        *,
        unstable: bool,
        expects_heartbeats: bool,
        suspect: SuspectAudio,
        asked: Mapping[str, object],
    ) -> None:
        self._backlog = backlog
        self._earlier = earlier
        self._origin = origin
        self._post = post
        self._clock = clock
        self._unstable = unstable
        self._expects_heartbeats = expects_heartbeats
        self._suspect = suspect
        self._asked = asked
        self._lock = threading.Lock()
        self._revised: dict[int, str] = {}
        self._sent = origin
        self._terminated_at: float | None = None
        self._is_cut_off = False
        self.began = self.connected = self.heard_turn = False
        self.terminated = self.complete = False
        self.error = ServiceError()
        self.realtime_factor = 0.0
        self._coverage = self._new_coverage()

    @property
    def last_word(self) -> int:
        """The position where the last word ends that was heard."""
        return self._coverage.last_word

    @property
    def has_heartbeats(self) -> bool:
        """Whether the service sends heartbeats."""
        return self._coverage.acknowledgements.has_heartbeats

    def opened(self) -> None:
        """Note that the connection is open: its time begins."""
        with self._lock:
            self._coverage = self._new_coverage()

    def _new_coverage(self) -> Coverage:
        now = self._clock()
        expected = self._expects_heartbeats
        told = Acknowledgements(self._origin, now, expected=expected, suspect=self._suspect)
        return Coverage(self._origin, self._earlier, now, told)

    # The service's messages

    def take(self, frame: str | bytes, without_token: Callable[[str], str]) -> None:
        """Take one message; `without_token` removes the token from the service's words."""
        match decode(frame):
            case Turn() as turn:
                # A service that transcribes listens, even if it did not say `Begin`.
                self.note_began(stable=turn.finished or not self._unstable)
                self._note_turn(turn)
            case Begin(configuration):
                self.note_began(stable=not self._unstable)
                if found := unapplied(self._asked, configuration):
                    self._post(ParametersUnapplied(self._backlog.session, found))
            case Heartbeat() as heartbeat:
                self._note_heartbeat(heartbeat)
            case Silence() as silence:
                with self._lock:
                    self._coverage.acknowledgements.take_silence(silence, self._clock())
            case SpeakerRevision(revisions):
                self._note_revisions(revisions)
            case Termination():
                self._note_termination()
            case ServiceError() as error:
                text = without_token(error.text)[:MAX_TEXT]
                self.error = msgspec.structs.replace(error, error=text)
                log.info("the service says: %s", shortened(text))

    def note_began(self, *, stable: bool) -> None:
        """Note that the service listens; post `Connected`, before any turn, once it is stable."""
        with self._lock:
            if not self.began:
                self._coverage.began()
            if stable and not self.connected:
                self._post(Connected(self._backlog.session, self._earlier))
                self.connected = True
        self.began = True

    def _note_turn(self, turn: Turn) -> None:
        self.heard_turn = self.heard_turn or bool(turn.text or turn.tentative)
        # The turn is posted under the lock: whoever sees what it covers must find it posted.
        with self._lock:
            if self._is_cut_off:
                return  # cut off amid a word; the next connection hears it whole
            self._coverage.heard(turn, self._clock())
            if not self.connected:
                return
            first, last = self._extent(turn)
            self._post(
                TurnReceived(
                    self._backlog.session,
                    self._origin,
                    # Nobody needs the words' places any more; an hour without a pause has many.
                    msgspec.structs.replace(
                        turn, words=(), speaker=self._revised.get(turn.order, turn.speaker)
                    ),
                    started=self._backlog.time_of(first),
                    ended=self._backlog.time_of(last),
                    covered=self._covered(),
                )
            )

    def _extent(self, turn: Turn) -> tuple[int, int]:
        """Return the positions where a turn starts and ends; just now for one without words."""
        if not turn.words:
            return self._sent, self._sent
        first = min(word.start for word in turn.words)
        last = max(word.end for word in turn.words)
        return self._coverage.position(first), self._coverage.position(last)

    def _note_heartbeat(self, heartbeat: Heartbeat) -> None:
        with self._lock:
            self._coverage.acknowledgements.take_heartbeat(heartbeat, self._clock())
        if heartbeat.realtime_factor is not None:
            self.realtime_factor = heartbeat.realtime_factor

    def _note_revisions(self, revisions: tuple[Revision, ...]) -> None:
        """Post who spoke; the last word about a turn counts, also if the turn comes once more."""
        with self._lock:
            if self.connected:
                self._revised |= {it.order: it.speaker for it in revisions}
                newest = sorted(self._revised)[-REVISED_TURNS:]
                self._revised = {order: self._revised[order] for order in newest}
                self._post(SpeakersRevised(self._backlog.session, self._origin, revisions))

    def _note_termination(self) -> None:
        """Take note that all was transcribed, if the service was asked to, and not deaf.

        One that was not asked for says nothing about audio still on its way.
        """
        if self._terminated_at is not None:
            with self._lock:
                self.complete = self._coverage.terminated(self._clock())
        self.terminated = True

    # What became of the audio

    def note_sent(self, position: int) -> None:
        """Note that audio up to a position was sent."""
        with self._lock:
            self._sent = position
            self._coverage.sent(position, self._clock())

    def note_terminating(self) -> None:
        """Note that the service was asked to terminate."""
        self._terminated_at = self._clock()

    def covered(self) -> Covered:
        """Return what is covered by now."""
        with self._lock:
            return self._covered()

    def _covered(self) -> Covered:
        # Nothing after `Terminate` is not silence: the answer is missing.
        now = self._clock() if self._terminated_at is None else self._terminated_at
        return self._coverage.covered(now)

    def cut_off(self, uncovered: int) -> bool:
        """Take no more turns if fewer samples than that are not covered; return whether so."""
        with self._lock:
            self._is_cut_off = self._sent - self._covered().position < uncovered
        return self._is_cut_off

    def must_wait(self) -> bool:
        """Return whether more must be acknowledged before the service is asked to terminate."""
        with self._lock:
            return self._coverage.acknowledgements.must_wait(self._clock())

    def missing_for(self) -> float:
        """Return the seconds for which an overdue acknowledgement is missing; 0 if none is."""
        with self._lock:
            return self._coverage.acknowledgements.missing_for(self._clock())

    def is_deaf(self) -> bool:
        """Return whether the service has missed something that it must hear again."""
        with self._lock:
            return self._coverage.is_deaf(self._clock())

    def note_end(self, *, heard: bool) -> None:
        """Note what must be heard again; `heard` says that its turns had their time."""
        with self._lock:
            self._coverage.note_end(self._clock(), heard=heard)
