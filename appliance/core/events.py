"""Everything that can happen, as small immutable structs.

Parts post events; the controller takes them, one by one. Times are seconds of the monotonic
clock, positions are samples from the start of the session.
"""

import enum
from collections.abc import Callable

import msgspec

from appliance.core.turns import Covered, Key, Turn


class Fault(msgspec.Struct, frozen=True):
    """Something that went wrong, in words for the person who must act.

    `what` happened fits one line of the OLED, `remedy` says what to do, `detail` goes to the log
    alone.
    """

    what: str
    remedy: str = ""
    detail: str = ""

    def __str__(self) -> str:
        """Return the fault as one sentence for the log."""
        sentence = ": ".join(part for part in (self.what, self.remedy) if part)
        return f"{sentence} ({self.detail})" if self.detail else sentence


class Event(msgspec.Struct, frozen=True):
    """Something that happened."""


Post = Callable[[Event], None]
"""How a part tells what happened: returns at once, may be called on any thread."""


# The button


class ButtonReady(Event, frozen=True):
    """The pin is watched: a press will be noticed."""


class Pressed(Event, frozen=True):
    """The button went down."""


class Held(Event, frozen=True):
    """The button has been down for `button.hold_time`."""


class Released(Event, frozen=True):
    """The button came up again."""


class ButtonStuck(Event, frozen=True):
    """The button was down already when the program started; it is ignored until released."""


class ButtonFailed(Event, frozen=True):
    """There is no button to press: the pin can't be used."""

    fault: Fault


# The microphone


class MicrophoneOpened(Event, frozen=True):
    """The microphone delivers audio. `rate` is the device's own, in Hz."""

    device: str
    rate: int


class MicrophoneFailed(Event, frozen=True):
    """The microphone is not there or stopped delivering; it is tried again until closed."""

    fault: Fault


class MicrophoneClosed(Event, frozen=True):
    """The last piece was delivered, and nobody is listening any more."""


class LevelMeasured(Event, frozen=True):
    """How loud it was lately, in steps of 0.1; comes about three times a second.

    0.0 is -60 dB of full scale or less, 1.0 is full scale.
    """

    level: float


class OverflowCounted(Event, frozen=True):
    """The sound system dropped audio before the program could take it."""

    total: int


# The session on the network


class SessionEvent(Event, frozen=True):
    """Something that happened to the session named `session`."""

    session: str


class Connected(SessionEvent, frozen=True):
    """A connection is open. What is not `covered` is heard again on it."""

    covered: Covered


class TurnReceived(SessionEvent, frozen=True):
    """The service heard (more of) a turn.

    `origin` is where the connection's audio starts; with the turn's order it is the key of the
    turn. It was said from `started` to `ended`, in seconds after the session's start. `covered` is
    what needs not be sent again once this turn is kept.
    """

    origin: int
    turn: Turn
    started: float
    ended: float
    covered: Covered


class Disconnected(SessionEvent, frozen=True):
    """A connection ended or could not be made; the next try comes in `retry_in` seconds.

    No fault: the connection ended as it should, and the person need not know.
    """

    fault: Fault | None
    retry_in: float


class SessionEnded(SessionEvent, frozen=True):
    """The session's threads are gone. Not `complete`: audio is left to deliver."""

    complete: bool


# What is kept


class Committed(SessionEvent, frozen=True):
    """What is covered, and all finished turns in it, are on disk.

    `complete`: the session has ended, and all of it is on disk. `formatted` is the key of a turn
    whose formatted text has just been written.
    """

    covered: Covered
    complete: bool = False
    formatted: Key | None = None


class AudioDropped(SessionEvent, frozen=True):
    """The backlog was full: its oldest audio had to go."""

    seconds: float


class SpoolFailed(SessionEvent, frozen=True):
    """Audio can't be written to disk; it is held in memory and tried again."""

    fault: Fault


class SpoolRecovered(SessionEvent, frozen=True):
    """All audio that was held in memory is on disk."""


class HistoryFailed(Event, frozen=True):
    """The history can't be written; what was said is held and tried again."""

    fault: Fault


class HistoryRecovered(Event, frozen=True):
    """The history is written again."""


# What is wished for other than by the button


class Request(enum.Enum):
    """What somebody may ask of the appliance by word, or from elsewhere in the house."""

    START = "start"
    STOP = "stop"
    PRESS = "press"
    CLEAR = "clear"
    BIGGER = "bigger"
    SMALLER = "smaller"
    BRIGHTER = "brighter"
    DARKER = "darker"


class CommandHeard(SessionEvent, frozen=True):
    """A finished turn was a command.

    `name` is what the settings call it, `words` what was said, `at` when, in seconds after the
    session's start.
    """

    name: str
    words: str
    at: float


class CommandEnded(SessionEvent, frozen=True):
    """What a command asks for was done, or failed: `failure` says why, in words for the screen."""

    name: str
    words: str
    at: float
    failure: str = ""


class Requested(Event, frozen=True):
    """Somebody wishes something: a press does what one of the button would do.

    A `command` by which it was wished is told how it ended.
    """

    request: Request
    command: CommandEnded | None = None


# The house


class BrokerFailed(Event, frozen=True):
    """The MQTT broker can't be reached, or refuses; it is tried again."""

    fault: Fault


class BrokerRecovered(Event, frozen=True):
    """The MQTT broker is there (again)."""


# The screen


class ScreenFailed(Event, frozen=True):
    """Nothing can be shown; the screen is tried again by itself."""

    fault: Fault


class ScreenRecovered(Event, frozen=True):
    """The screen shows pictures (again)."""


# The light


class StatusLedReady(Event, frozen=True):
    """The light shows what the appliance does."""


class StatusLedFailed(Event, frozen=True):
    """The light's pin can't be used; it is tried again."""

    fault: Fault


# The program


class StopRequested(Event, frozen=True):
    """The program shall end: SIGTERM, SIGINT."""


class PowerOffRequested(Event, frozen=True):
    """The box shall be switched off: the button was held."""


class PowerOffFailed(Event, frozen=True):
    """The box can't be switched off by the program."""

    fault: Fault


class PartHung(Event, frozen=True):
    """A part's thread has been at one piece of work for far too long: start afresh."""

    part: str


class UnhandledError(Event, frozen=True):
    """A thread ended by an error that nobody foresaw: the program must start afresh."""


class SettingsChanged(Event, frozen=True):
    """The settings file has other contents than those in use."""
