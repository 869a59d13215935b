"""The live session: its transcript, progress and times; sessions that await their last chunk."""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from appliance.controller.speaker_marks import Style, marked
from appliance.controller.transcript import Transcript
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import TurnReceived
from appliance.core.faults import Fault
from appliance.core.speakers import LabelKey, Speaker, known_speakers
from appliance.core.turns import Covered
from appliance.screen.scene import Mode, Scene, Summary
from appliance.streaming.session import Session

COMMIT_STEP = 30 * SAMPLE_RATE
"""Samples of silence that one write to the SD card covers."""

SHOWN_TURNS = 12
"""Turns in a scene: more than a panel has room for."""

LAST_CHUNK_TIMEOUT = 3.0
"""Seconds to wait for the last chunk; a microphone that hangs must not hold up earlier words."""


class LiveSession:
    """The live session from its press to its end; times are seconds of the monotonic clock.

    Args:
        session: the session on the network.
        now: when it became the live one.
        labels: the order of the first turn of each speaker that an earlier run heard.

    Attributes:
        session: the session on the network.
        transcript: its turns so far.
        began_at: when the button was pressed.
        finished_at: when the microphone was closed.
        connected: whether the service is connected.
        fault: why the last connection was lost, or could not be made.
        progress: how far the session has got, as of the last `follow`.
    """

    def __init__(
        self, session: Session, now: float, labels: Mapping[LabelKey, int] = MappingProxyType({})
    ) -> None:
        self.session = session
        self.transcript = Transcript(labels)
        self.began_at = session.backlog.recording.monotonic
        self.finished_at: float | None = None
        self.connected = False
        self.fault: Fault | None = None
        self.progress = session.progress()
        self._sign_of_life_at = now
        self._furthest_sent = self.progress.sent
        self._got_further = True
        self._no_microphone_since: float | None = None
        self._committed = self.progress.covered
        self._names: dict[LabelKey, str] = {}

    def follow(self, now: float, *, listening: bool = True) -> None:
        """Note how far the session has got; time is no silence unless it is `listening`."""
        if self._no_microphone_since is not None and not listening:
            self._no_microphone_since = now
        self.progress = self.session.progress()
        # The kernel takes audio for a service that never listens; and what was sent before the
        # last connection is no news.
        if self.connected and self.progress.sent > self._furthest_sent:
            self._furthest_sent = self.progress.sent
            self._got_further = True
            self.note_sign_of_life(now)

    def receive(self, heard: TurnReceived, now: float) -> None:
        """Take a state of a turn; what a finished turn covers is committed with it."""
        self.transcript.receive(heard.origin, heard.turn)
        self._got_further = True
        self.note_sign_of_life(now)
        if heard.turn.finished:
            self._note_committed(heard.covered)

    def name_speaker(self, origin: int, label: str, name: str) -> bool:
        """Name a connection's speaker; return whether somebody with that label has spoken."""
        known = (origin, label) in self._speakers()
        if known:
            self._names[origin, label] = name
        return known

    def _speakers(self) -> dict[LabelKey, Speaker]:
        return known_speakers(self.transcript.labels, self._names)

    def note_connection(self, covered: Covered, now: float) -> None:
        """Note a connection, on which the service hears again what is not covered.

        A service that drops one connection after the other answers, but gets nowhere.
        """
        self.transcript.reconnected(covered)
        self.connected, self.fault = True, None
        if self._got_further:
            self.note_sign_of_life(now)
        self._got_further = False

    def note_disconnection(self, fault: Fault) -> None:
        """Note that the connection was lost or could not be made, and why."""
        self.connected, self.fault = False, fault

    def note_sign_of_life(self, now: float) -> None:
        """Note that the service answers."""
        self._sign_of_life_at = now

    def note_microphone(self, now: float, *, present: bool) -> None:
        """Note whether the microphone is present."""
        self._no_microphone_since = None if present else now

    def elapsed(self, now: float) -> float:
        """Return the seconds from the first press to the second, or to now."""
        return (self.finished_at or now) - self.began_at

    def silence(self, now: float) -> float:
        """Return the seconds of silence: transcribed as such, or without a microphone.

        Audio that waits for the network does not count.
        """
        absent = now - self._no_microphone_since if self._no_microphone_since is not None else 0.0
        return absent + self.progress.silence

    def finishing_for(self, now: float) -> float:
        """Return the seconds since the microphone was closed; 0 while it is open."""
        return now - (self.finished_at or now)

    def unresponsive_for(self, now: float) -> float:
        """Return the seconds of finishing since the service last answered."""
        return now - max(self.finished_at or now, self._sign_of_life_at)

    def to_commit(self) -> Covered | None:
        """Return what is covered if enough of it is not committed yet; once for each piece.

        That is a stretch of silence, or a turn that was finished before the service acknowledged
        the silence before it.
        """
        covered = self.progress.covered
        is_long = covered.position - self._committed.position >= COMMIT_STEP
        if not (is_long or covered.key > self._committed.key):
            return None
        self._note_committed(covered)
        return covered

    def _note_committed(self, covered: Covered) -> None:
        if covered.position >= self._committed.position:
            self._committed = covered

    def summary(self, now: float) -> Summary:
        """Return the length and the words of the session."""
        return Summary(self.elapsed(now), self.transcript.words)

    def scene(
        self,
        mode: Mode,
        now: float,
        *,
        level: float,
        fault: Fault | None,
        hint: str,
        power_off_in: int,
        speakers: Style = "none",
    ) -> Scene:
        """Return the scene of the session.

        Times are whole seconds, since every scene that differs is drawn.
        """
        visible = self.transcript.visible()
        if speakers == "none":  # nothing before what is shown matters then
            visible = visible[-SHOWN_TURNS:]
        turns = marked(visible, self._speakers(), speakers)
        return Scene(
            mode=mode,
            elapsed=float(int(self.elapsed(now))),
            level=level,
            turns=turns[-SHOWN_TURNS:],
            waiting=float(int(self.progress.waiting)),
            fault=fault,
            hint=hint,
            network=self.connected,
            on_fallback=self.connected and self.progress.on_fallback,
            power_off_in=power_off_in,
        )


class ClosingSessions:
    """Sessions that wait for the microphone's last chunk, in the order in which it was closed.

    Times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Session]] = deque()

    def add(self, session: Session, now: float) -> None:
        """Add a session for which the microphone was closed."""
        self._waiting.append((now, session))

    def complete_oldest(self) -> None:
        """Finish the session that waits longest: the microphone has delivered its last chunk."""
        if self._waiting:
            self._waiting.popleft()[1].finish()

    def overdue(self, now: float) -> list[Session]:
        """Return the unfinished sessions that have waited for too long."""
        return [
            session
            for since, session in self._waiting
            if now - since > LAST_CHUNK_TIMEOUT and not session.backlog.finished
        ]
