"""What the screen says, without saying how: the controller fills it in, the view draws it."""

import enum

import msgspec

from appliance.core.events import Fault


class Mode(enum.Enum):
    """What the appliance is doing, as the person sees it."""

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
"""The modes in which everybody around is heard."""


class ShownTurn(msgspec.Struct, frozen=True):
    """A turn on the screen: settled words, then those still being spoken."""

    text: str
    tentative: str = ""


class Summary(msgspec.Struct, frozen=True):
    """What a session came to: its length in seconds, and its words."""

    seconds: float
    words: int


class Appearance(msgspec.Struct, frozen=True):
    """How the panel is to look other than its settings say: lines of text, and contrast."""

    lines: int | None = None
    contrast: int | None = None


class Scene(msgspec.Struct, frozen=True):
    """Everything that can be seen at one moment.

    `elapsed` is seconds since the press, `level` the microphone's (0.0 to 1.0), `turns` the latest
    ones with the newest last, `waiting` seconds of audio that is kept but not yet transcribed,
    `summary` what the session that just ended came to, `clock` the time of day as "14:05" once it
    is known, `hint` a short sentence about what comes next, `remark` one about something beside the
    captions: what became of a command, or what is amiss elsewhere in the house. `network` says
    whether the service is connected, between sessions whether there is a network at all;
    `elsewhere` that the service is the one to fall back on. `power_off_in` is how many more seconds
    the button must be held to switch off; 0 when nobody holds it.
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
