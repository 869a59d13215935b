"""Scene: everything that the screen shows at one moment, apart from how it is drawn."""

import enum

import msgspec

from appliance.core.faults import Fault


class Mode(enum.Enum):
    """State of the appliance as a person sees it."""

    STARTING = "starting"
    READY = "ready"
    CONNECTING = "connecting"
    LISTENING = "listening"
    RECONNECTING = "reconnecting"
    FINISHING = "finishing"
    SAVED = "saved"
    STOPPING = "stopping"
    OFF = "off"


MICROPHONE_OPEN = {Mode.CONNECTING, Mode.LISTENING, Mode.RECONNECTING}
"""Modes in which everybody around is heard."""


DASH = "\N{EN DASH}"
"""Sign before a turn of another speaker, as in subtitles."""

Marks = tuple[str, ...]
"""What may mark a speaker, the best one first."""


class ShownTurn(msgspec.Struct, frozen=True):
    """Turn on the screen: settled words, then those still being spoken.

    `marks` are what may stand in front, because another speaker begins, the best one first: `DASH`,
    or a name or letter in reverse video. The first that leaves enough room for words is drawn.
    `other_marks` are what may stand there later: the turn leaves room for them, so that its words
    keep their lines. `alerts` are the places of words that call the reader and stand in reverse
    video: in the two texts as `core.scripts.joined` joins them, which are in NFC.
    """

    text: str
    tentative: str = ""
    marks: Marks = ()
    other_marks: tuple[Marks, ...] = ()
    alerts: tuple[tuple[int, int], ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """Result of a session: its length in seconds, and the number of its words."""

    seconds: float
    words: int


class Appearance(msgspec.Struct, frozen=True):
    """Lines of text and contrast, where they differ from the settings."""

    lines: int | None = None
    contrast: int | None = None


class Scene(msgspec.Struct, frozen=True):
    """Everything that can be seen at one moment.

    Attributes:
        mode: what the appliance is doing.
        elapsed: seconds since the press.
        level: of the microphone, 0.0 to 1.0.
        turns: the latest ones, the newest last.
        waiting: seconds of audio that is kept but not yet transcribed.
        fault: what is wrong.
        summary: the result of the session that just ended.
        clock: the time of day as "14:05", once it is known.
        hint: a short sentence about what comes next.
        network: whether the service is connected; between sessions, whether there is a network.
        on_fallback: whether the fallback service is used.
        power_off_in: seconds for which the button must still be held to switch off; 0 when nobody
            holds it.
        remark: a short sentence about something else: the outcome of a command, or a fault
            of something that captions do not need.
        appearance: what differs from the display's settings.
        alert: whether a word that calls the reader was heard a moment ago.
        reverse_video: whether light and dark are exchanged.
    """

    mode: Mode
    elapsed: float = 0.0
    level: float = 0.0
    turns: tuple[ShownTurn, ...] = ()
    waiting: float = 0.0
    fault: Fault | None = None
    summary: Summary | None = None
    clock: str = ""
    hint: str = ""
    network: bool = True
    on_fallback: bool = False
    power_off_in: int = 0
    remark: str = ""
    appearance: Appearance = Appearance()
    alert: bool = False
    reverse_video: bool = False
