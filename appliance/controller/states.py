"""State machine of the live session: states, inputs, and the table of transitions."""

import enum
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from appliance.controller.fault_list import FaultList
from appliance.controller.live_session import ClosingSessions, LiveSession
from appliance.controller.open_sessions import OpenSessions
from appliance.core.faults import Fault, Part
from appliance.screen.scene import Summary
from appliance.streaming.session import Session

log = logging.getLogger(__name__)


class State(enum.Enum):
    """State of the live session; IDLE when there is none."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LISTENING = "listening"
    RECONNECTING = "reconnecting"
    FINISHING = "finishing"


MICROPHONE_OPEN = {State.CONNECTING, State.LISTENING, State.RECONNECTING}
"""States in which everybody nearby is recorded."""


class Input(enum.Enum):
    """Input of the state machine: an event or a time limit, as the controller translates it."""

    START = "a person asks to begin"
    STOP = "a person, silence, a dark screen or the end of the program asks to finish"
    CONNECTED = "the live session has a connection (again)"
    DROPPED = "the live session has no connection, because of a fault"
    ENDED = "the threads of the live session have ended"
    FINISH_TIMEOUT = "the service has been silent for too long while finishing"


class Effect(enum.Enum):
    """Effect of a transition, beside the next state."""

    BEGIN = "open the microphone for a new session, or for one that a crash interrupted"
    BEGIN_ANOTHER = "let the finishing session go on in the background, and begin another"
    CLOSE_MICROPHONE = "close the microphone and wait for the last words"
    CLEAR_FAULTS = "clear the faults of the last connection"
    SHOW_FAULT = "show why there is no connection"
    SHOW_SUMMARY = "show the length and the words of the session"
    GIVE_UP = "stop the session, transcribe the rest in the background, show the summary"


class Transition(NamedTuple):
    """Next state, and the effect on the way."""

    to: State
    effect: Effect


IGNORED = None
"""Cell of an input without effect."""

TRANSITIONS: dict[tuple[State, Input], Transition | None] = {
    # There is no session: the microphone is closed.
    (State.IDLE, Input.START): Transition(State.CONNECTING, Effect.BEGIN),
    (State.IDLE, Input.STOP): IGNORED,
    (State.IDLE, Input.CONNECTED): IGNORED,
    (State.IDLE, Input.DROPPED): IGNORED,
    (State.IDLE, Input.ENDED): IGNORED,
    (State.IDLE, Input.FINISH_TIMEOUT): IGNORED,
    # Audio is kept; the first connection is being made.
    (State.CONNECTING, Input.START): IGNORED,
    (State.CONNECTING, Input.STOP): Transition(State.FINISHING, Effect.CLOSE_MICROPHONE),
    (State.CONNECTING, Input.CONNECTED): Transition(State.LISTENING, Effect.CLEAR_FAULTS),
    (State.CONNECTING, Input.DROPPED): Transition(State.CONNECTING, Effect.SHOW_FAULT),
    (State.CONNECTING, Input.ENDED): Transition(State.IDLE, Effect.SHOW_SUMMARY),
    (State.CONNECTING, Input.FINISH_TIMEOUT): IGNORED,
    # Audio is sent, turns come back.
    (State.LISTENING, Input.START): IGNORED,
    (State.LISTENING, Input.STOP): Transition(State.FINISHING, Effect.CLOSE_MICROPHONE),
    (State.LISTENING, Input.CONNECTED): Transition(State.LISTENING, Effect.CLEAR_FAULTS),
    (State.LISTENING, Input.DROPPED): Transition(State.RECONNECTING, Effect.SHOW_FAULT),
    (State.LISTENING, Input.ENDED): Transition(State.IDLE, Effect.SHOW_SUMMARY),
    (State.LISTENING, Input.FINISH_TIMEOUT): IGNORED,
    # Audio is kept; the next connection is being made.
    (State.RECONNECTING, Input.START): IGNORED,
    (State.RECONNECTING, Input.STOP): Transition(State.FINISHING, Effect.CLOSE_MICROPHONE),
    (State.RECONNECTING, Input.CONNECTED): Transition(State.LISTENING, Effect.CLEAR_FAULTS),
    (State.RECONNECTING, Input.DROPPED): Transition(State.RECONNECTING, Effect.SHOW_FAULT),
    (State.RECONNECTING, Input.ENDED): Transition(State.IDLE, Effect.SHOW_SUMMARY),
    (State.RECONNECTING, Input.FINISH_TIMEOUT): IGNORED,
    # The microphone is closed; the last words are awaited.
    (State.FINISHING, Input.START): Transition(State.CONNECTING, Effect.BEGIN_ANOTHER),
    (State.FINISHING, Input.STOP): IGNORED,
    (State.FINISHING, Input.CONNECTED): Transition(State.FINISHING, Effect.CLEAR_FAULTS),
    (State.FINISHING, Input.DROPPED): Transition(State.FINISHING, Effect.SHOW_FAULT),
    (State.FINISHING, Input.ENDED): Transition(State.IDLE, Effect.SHOW_SUMMARY),
    (State.FINISHING, Input.FINISH_TIMEOUT): Transition(State.IDLE, Effect.GIVE_UP),
}
"""Transition for each input in each state.

`press.py` says when a press is START and when STOP. Events of a session that is not live any more
are no inputs.
"""


class Microphone(Protocol):
    """Microphone; both methods return at once."""

    def open(self, deliver: Callable[[bytes, float], None]) -> None:
        """Capture audio and deliver it in chunks, each with the time of its end."""

    def close(self) -> None:
        """Stop capturing, deliver the last chunk, and post `MicrophoneClosed`."""


class SessionScreen(Protocol):
    """Screen that sessions are shown on; both methods return at once."""

    def begin(self) -> None:
        """Note that a session begins."""

    def end(self, summary: Summary) -> None:
        """Note that the session ended, with its length and words."""


class SessionMachine:
    """State machine of the live session; carries out the effects of its transitions.

    At most one session is live. Used by the controller's thread alone.

    Args:
        microphone: open from the beginning of a session until it finishes.
        screen: shows a summary of each session.
        open_sessions: begins sessions and holds their audio.
        faults: the current faults; those of a session are cleared at its end.
        clock: monotonic seconds.

    Attributes:
        state: the present state.
        live: the live session; None while IDLE.
        interrupted: a session that a crash of the program interrupted; the next START resumes it.
    """

    def __init__(
        self,
        microphone: Microphone,
        screen: SessionScreen,
        open_sessions: OpenSessions,
        faults: FaultList,
        clock: Callable[[], float],
    ) -> None:
        self._microphone = microphone
        self._screen = screen
        self._open_sessions = open_sessions
        self._faults = faults
        self._clock = clock
        self._closing = ClosingSessions()
        self.state = State.IDLE
        self.live: LiveSession | None = None
        self.interrupted: Session | None = None

    def take(self, given: Input) -> None:
        """Make the transition that the table has for an input in the present state."""
        if transition := TRANSITIONS[self.state, given]:
            self._perform(transition.effect)
            self.state = transition.to
            log.debug("%s", self.state.value)

    @property
    def in_session(self) -> bool:
        """Whether the microphone is open."""
        return self.state in MICROPHONE_OPEN

    def named(self, session: str) -> LiveSession | None:
        """Return the live session if it has this name."""
        return self.live if self.live and self.live.session.name == session else None

    def note_microphone(self) -> None:
        """Note whether the microphone works."""
        if self.live:
            self.live.note_microphone(self._clock(), present=Part.MICROPHONE not in self._faults)

    def microphone_closed(self) -> None:
        """Complete the session that has waited longest for its last chunk."""
        self._closing.complete_oldest()

    def complete_overdue(self) -> None:
        """Complete sessions without their last chunk where the microphone does not close."""
        for session in self._closing.overdue(self._clock()):
            log.warning("the microphone does not close; going on without its last chunk")
            session.finish()

    def _perform(self, effect: Effect) -> None:
        match effect, self.live:
            case Effect.BEGIN, _:
                self._begin()
            case Effect.BEGIN_ANOTHER, LiveSession() as live:
                self._open_sessions.deliveries.adopt(live.session)
                self._begin()
            case Effect.CLOSE_MICROPHONE, LiveSession() as live:
                self._close_microphone(live)
            case Effect.CLEAR_FAULTS, _:
                self._faults.clear(Part.SESSION, Part.LOSS)
            case Effect.SHOW_FAULT, LiveSession(fault=Fault() as fault):
                self._faults.report(Part.SESSION, fault)
            case Effect.SHOW_SUMMARY, LiveSession() as live:
                self._show_summary(live)
            case Effect.GIVE_UP, LiveSession() as live:
                live.session.abandon()
                self._open_sessions.deliveries.adopt(live.session)
                self._show_summary(live)

    def _begin(self) -> None:
        session = self.interrupted or self._open_sessions.begin()
        self.interrupted = None
        log.info("session %s begins", session.name)
        self._open_sessions.note_microphone_open(session)
        self._microphone.open(session.backlog.append)
        labels = self._open_sessions.labels_before(session)
        self.live = LiveSession(session, self._clock(), labels)
        self.note_microphone()
        self._screen.begin()
        self._faults.clear(Part.SESSION, Part.SPOOL, Part.LOSS)

    def _close_microphone(self, live: LiveSession) -> None:
        live.finished_at = self._clock()
        self._closing.add(live.session, self._clock())
        self._open_sessions.note_microphone_closed()
        self._microphone.close()

    def _show_summary(self, live: LiveSession) -> None:
        summary = live.summary(self._clock())
        log.info("session ends after %.0f s, %d words", summary.seconds, summary.words)
        self._screen.end(summary)
        self.live = None
        self._faults.clear(Part.SESSION)
