"""Events that parts post and the controller handles, one by one.

Times are seconds of the monotonic clock, positions are samples from the start of the session.
"""

from collections.abc import Callable

import msgspec

from appliance.core.faults import Fault
from appliance.core.turns import Covered, Key, Revision, Turn
from appliance.core.unapplied import Unapplied


class Event(msgspec.Struct, frozen=True):
    """Something that happened."""


Post = Callable[[Event], None]
"""Function by which a part posts an event: returns at once, and may be called on any thread."""


# The button


class ButtonReady(Event, frozen=True):
    """The pin is being watched, so that a press is noticed."""


class Pressed(Event, frozen=True):
    """The button went down."""


class Held(Event, frozen=True):
    """The button has been down for `button.hold_time`."""


class Released(Event, frozen=True):
    """The button came up again."""


class ButtonStuck(Event, frozen=True):
    """The button was already down when the program started; it is ignored until released."""


class ButtonFailed(Event, frozen=True):
    """The button's pin can't be used."""

    fault: Fault


# The microphone


class MicrophoneReady(Event, frozen=True):
    """There is a microphone at the start of the program; it is closed."""


class MicrophoneOpened(Event, frozen=True):
    """The microphone delivers audio. `rate` is the device's own, in Hz."""

    device: str
    rate: int


class MicrophoneFailed(Event, frozen=True):
    """The microphone is not there or stopped delivering; it is tried again until closed."""

    fault: Fault


class MicrophoneDoubted(Event, frozen=True):
    """The microphone delivers audio that can hardly be speech; it is recorded all the same."""

    fault: Fault


class MicrophoneTrusted(Event, frozen=True):
    """The microphone delivers what may be speech at its rate, for the first time or again.

    Posted, too, when one that was doubted is closed.
    """


class MicrophoneClosed(Event, frozen=True):
    """The last chunk was delivered; the microphone is off."""


class LevelMeasured(Event, frozen=True):
    """Input level, in steps of 0.1; posted about three times a second.

    0.0 is -60 dB of full scale or less, 1.0 is full scale.
    """

    level: float


class OverflowCounted(Event, frozen=True):
    """The sound system dropped audio before the program could take it."""

    total: int


# The session on the network


class SessionEvent(Event, frozen=True):
    """Event of the session named `session`."""

    session: str


class Connected(SessionEvent, frozen=True):
    """A connection is open. The service hears again on it what is not `covered`."""

    covered: Covered


class TurnReceived(SessionEvent, frozen=True):
    """The service heard a turn, or more of it.

    `origin` is where the connection's audio starts; together with the turn's order it is the key of
    the turn. The turn was said from `started` to `ended`, in seconds from the session's start.
    `covered` need not be sent again once this turn is committed.
    """

    origin: int
    turn: Turn
    started: float
    ended: float
    covered: Covered


class ParametersUnapplied(SessionEvent, frozen=True):
    """The service applies other parameters than the owner asked for; posted for each connection."""

    unapplied: tuple[Unapplied, ...]


class SpeakersRevised(SessionEvent, frozen=True):
    """The service knows better now who spoke these turns of a connection.

    `origin` is where the connection's audio starts, as in `TurnReceived`.
    """

    origin: int
    revisions: tuple[Revision, ...]


class Disconnected(SessionEvent, frozen=True):
    """A connection ended or could not be made; the next attempt follows.

    Without a fault, the connection ended as it should, and the person need not know.
    """

    fault: Fault | None


class SessionEnded(SessionEvent, frozen=True):
    """The session's threads have ended. Unless `complete`, audio is left to deliver."""

    complete: bool


# Storage


class Committed(SessionEvent, frozen=True):
    """What is covered, and all finished turns in it, are on disk.

    `complete`: the session has ended, and all of it is on disk. `formatted` is the key of a turn
    whose formatted text has just been written.
    """

    covered: Covered
    complete: bool = False
    formatted: Key | None = None


class SpeakersSaved(SessionEvent, frozen=True):
    """Who spoke, or a speaker's name, has been written of turns that were on disk before."""


class AudioDropped(SessionEvent, frozen=True):
    """The backlog was full, so its oldest `seconds` of audio were dropped."""

    seconds: float


class SpoolFailed(SessionEvent, frozen=True):
    """Audio can't be written to disk; it is held in memory until the next attempt."""

    fault: Fault


class SpoolRecovered(SessionEvent, frozen=True):
    """All audio that was held in memory is on disk again."""


class HistoryFailed(Event, frozen=True):
    """The history can't be written; turns are held in memory until the next attempt."""

    fault: Fault


class HistoryRecovered(Event, frozen=True):
    """The history can be written again."""


# The MQTT broker


class BrokerFailed(Event, frozen=True):
    """The MQTT broker can't be reached, or refuses the connection; it is retried."""

    fault: Fault


class BrokerRecovered(Event, frozen=True):
    """The MQTT broker is connected (again)."""


# The screen


class ScreenFailed(Event, frozen=True):
    """The panel can't be used; the display reopens it by itself."""

    fault: Fault


class ScreenRecovered(Event, frozen=True):
    """The screen shows pictures (again)."""


# The status LED


class StatusLedReady(Event, frozen=True):
    """The status LED works."""


class StatusLedFailed(Event, frozen=True):
    """The status LED's pin can't be used; it is retried."""

    fault: Fault


# The program


class StopRequested(Event, frozen=True):
    """The program is asked to end, by SIGTERM, SIGINT or SIGHUP."""


class PowerOffRequested(Event, frozen=True):
    """The box is to be switched off, because the button was held."""


class PowerOffFailed(Event, frozen=True):
    """The program can't switch the box off."""

    fault: Fault


class PartHung(Event, frozen=True):
    """A part's thread hangs in one piece of work; the program must restart."""

    part: str


class UnhandledError(Event, frozen=True):
    """An unhandled error ended a thread; the program must restart."""


class SettingsChanged(Event, frozen=True):
    """The contents of the settings file differ from those in use."""
