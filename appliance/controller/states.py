"""The course of the live session: its states, and what leads from one to the next."""

import enum
import logging
from collections.abc import Callable
from typing import Protocol

from appliance.controller.closing import Closing
from appliance.controller.fault_list import FaultList
from appliance.controller.live_session import LiveSession
from appliance.controller.open_sessions import OpenSessions
from appliance.controller.presenter import Presenter
from appliance.core import events
from appliance.screen.scene import Mode
from appliance.streaming.session import Session

log = logging.getLogger(__name__)


class State(enum.Enum):
    """What the live session is doing."""

    IDLE = Mode.READY
    CONNECTING = Mode.CONNECTING
    LISTENING = Mode.LISTENING
    RECONNECTING = Mode.RECONNECTING
    FINISHING = Mode.FINISHING


HEARING = (State.CONNECTING, State.LISTENING, State.RECONNECTING)
"""The states in which the microphone is open."""


class Microphone(Protocol):
    """What captures; both return at once."""

    def open(self, deliver: Callable[[bytes, float], None]) -> None:
        """Capture and deliver chunks."""

    def close(self) -> None:
        """Deliver what was said until now, post `MicrophoneClosed`, and stop."""


class SessionMachine:
    """At most one session is live; used by the controller's thread.

    Args:
        microphone: open from the beginning of a session until it finishes.
        front: says what a session came to.
        custody: keeps the audio until it is transcribed.
        faults: those of a session end with it.
        clock: monotonic seconds.

    Attributes:
        state: what the live session does.
        live: the live session, if there is one.
    """

    def __init__(
        self,
        microphone: Microphone,
        front: Presenter,
        custody: OpenSessions,
        faults: FaultList,
        clock: Callable[[], float],
    ) -> None:
        self._microphone = microphone
        self._front = front
        self._custody = custody
        self._faults = faults
        self._clock = clock
        self._closing = Closing()
        self.state = State.IDLE
        self.live: LiveSession | None = None

    @property
    def in_session(self) -> bool:
        """Whether the microphone is open."""
        return self.state in HEARING

    def named(self, session: str) -> LiveSession | None:
        """Return the live session if that is its name."""
        return self.live if self.live and self.live.session.name == session else None

    def begin(self) -> None:
        """Begin a new session."""
        if self.live:
            # The one that is finishing goes on in the background.
            self._custody.deliveries.adopt(self.live.session)
        self.go_live(self._custody.begin())

    def go_live(self, session: Session) -> None:
        """Open the microphone for a session, new or cut off by a crash."""
        log.info("session %s begins", session.name)
        self._microphone.open(session.backlog.append)
        self.live = LiveSession(session, self._clock())
        self.note_microphone()
        self._front.begin()
        self._faults.clear("session", "spool", "loss")
        self._enter(State.CONNECTING)

    def connected(self, event: events.Connected) -> None:
        """The live session has a connection (again), if it is its."""
        if live := self.named(event.session):
            live.transcript.reconnected(event.covered)
            live.connected = True
            live.note_news(self._clock())
            self._faults.clear("session", "loss")
            if self.state is not State.FINISHING:
                self._enter(State.LISTENING)

    def disconnected(self, event: events.Disconnected) -> None:
        """The live session has lost its connection, if it was its."""
        if (live := self.named(event.session)) and event.fault:
            live.connected = False
            self._faults.tell("session", event.fault)
            if self.state is State.LISTENING:
                self._enter(State.RECONNECTING)

    def note_microphone(self) -> None:
        """Note whether there is a microphone to hear."""
        if self.live:
            self.live.note_microphone(self._clock(), present="microphone" not in self._faults)

    def finish(self) -> None:
        """Close the microphone, and wait for the last words."""
        if self.live:
            self.live.finished_at = self._clock()
            self._closing.begin(self.live.session, self._clock())
            self._microphone.close()
            self._enter(State.FINISHING)

    def microphone_closed(self) -> None:
        """The audio of the session that waits for it is complete."""
        self._closing.closed()

    def complete_overdue(self) -> None:
        """Go on without the last piece of audio where the microphone does not close."""
        for session in self._closing.overdue(self._clock()):
            log.warning("the microphone does not close; going on without its last piece")
            session.finish()

    def end(self) -> None:
        """There is no live session any more."""
        if self.live:
            summary = self.live.summary(self._clock())
            log.info("session ends after %.0f s, %d words", summary.seconds, summary.words)
            self._front.end(summary)
            self.live = None
            self._faults.clear("session")
            self._enter(State.IDLE)

    def _enter(self, state: State) -> None:
        log.debug("%s", state.name.lower())
        self.state = state
