"""Requests to the appliance, spoken commands and alerts, as events."""

import enum

from appliance.core.events import Event, SessionEvent


class Request(enum.Enum):
    """Request to the appliance, spoken or over MQTT; PRESS is the same as a click."""

    START = "start"
    STOP = "stop"
    PRESS = "press"
    CLEAR = "clear"
    BIGGER = "bigger"
    SMALLER = "smaller"
    BRIGHTER = "brighter"
    DARKER = "darker"


class CommandHeard(SessionEvent, frozen=True):
    """A finished turn was a spoken command.

    `name` is its name in the settings, `words` is the turn's text, `at` is when it was said, in
    seconds from the session's start.
    """

    name: str
    words: str
    at: float


class CommandEnded(SessionEvent, frozen=True):
    """A spoken command was carried out, or failed: `failure` says why, in words for the screen."""

    name: str
    words: str
    at: float
    failure: str = ""


class NameGiven(SessionEvent, frozen=True):
    """A spoken command gives a name to the speaker whose letter is `label`.

    `origin` is that of the connection on which it was heard. A `command` carries its outcome, as in
    `Requested`; without one, this is only another spelling of the name before.
    """

    origin: int
    label: str
    name: str
    command: CommandEnded | None = None


class Requested(Event, frozen=True):
    """Somebody requests something.

    A request by a spoken `command` carries its outcome, which is posted once it is carried out.
    """

    request: Request
    command: CommandEnded | None = None


class AlertHeard(SessionEvent, frozen=True):
    """A word that calls the reader was heard, once for each turn.

    `word` is as in the settings, `words` are those of the turn so far, and `at` is when the turn
    began, in seconds from the session's start.
    """

    word: str
    words: str
    at: float


class AlertFailed(SessionEvent, frozen=True):
    """The pin did not pulse for a word that was heard; `failure` says why in a few words."""

    failure: str
