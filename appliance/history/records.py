"""Records of the history: sessions, turns and marks as structs."""

from typing import Literal

import msgspec

from appliance.core.speakers import Speaker

MarkKind = Literal["command", "mark", "note"]
"""A command that was heard, a bookmark, or a note."""


class Mark(msgspec.Struct, frozen=True):
    """A bookmark, note or command to write, `at` seconds after the session's start.

    `text` is the name of a command or the words of a note. The `outcome` of a command is "heard"
    until the command has ended; then it is the reason why it failed, or empty if it was done.
    """

    kind: MarkKind
    at: float
    text: str
    outcome: str = ""


class MarkRecord(msgspec.Struct, frozen=True):
    """A mark that was read; `at` is Unix time.

    A newer version of the program may have written a `kind` that this one does not know.
    """

    kind: str
    at: float
    text: str
    outcome: str


class TurnRecord(msgspec.Struct, frozen=True):
    """A finished turn; `order` counts from 0, `started` and `ended` are Unix time.

    `speaker` is None as long as the service does not know who speaks.
    """

    order: int
    text: str
    started: float
    ended: float
    speaker: Speaker | None = None


class SessionRecord(msgspec.Struct, frozen=True):
    """A session with its turns and marks, each in order of time.

    `started` and `ended` are Unix time; `ended` is None until the session is over.
    """

    id: str
    started: float
    ended: float | None
    turns: tuple[TurnRecord, ...]
    marks: tuple[MarkRecord, ...] = ()


class OutgoingTurn(msgspec.Struct, frozen=True):
    """A finished turn that the MQTT broker does not have yet; `started`, `ended` in Unix time.

    `origin` and `order` are the turn's key within its session. `speaker` is who speaks, if the
    service knows.

    >>> OutgoingTurn("9f3a", 16_000, 2, "Good morning.", 1_700_000_000.0, 1_700_000_001.5).id
    '9f3a-16000-2'
    """

    session: str
    origin: int
    order: int
    text: str
    started: float
    ended: float
    speaker: Speaker | None = None

    @property
    def id(self) -> str:
        """The turn's identifier, unique over all databases."""
        return f"{self.session}-{self.origin}-{self.order}"
