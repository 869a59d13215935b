"""`status.json`: how a running appliance is, as other programs on the box may read it."""

from datetime import datetime
from pathlib import Path

import msgspec

from appliance.core.parts import Part
from appliance.system.environment import runtime_directory

_NAME = "status.json"

LARGEST = 64 * 1024
"""Bytes that a reader takes; the usual file has one thousand."""

_USUAL = Path("/run/appliance")
"""The runtime directory of the unit."""


class PartFault(msgspec.Struct, frozen=True):
    """What is wrong with a part."""

    part: Part
    what: str
    remedy: str = ""


class ButtonStatus(msgspec.Struct, frozen=True):
    """`ready`: a press will be noticed. `pressed`: when it last was."""

    ready: bool
    pressed: datetime | None = None


class ScreenStatus(msgspec.Struct, frozen=True):
    """`shows`: pictures can be seen. `frames`: how many there were."""

    driver: str
    shows: bool
    frames: int


class MicrophoneStatus(msgspec.Struct, frozen=True):
    """`level` now and the `loudest` of the last session, both 0.0 to 1.0; `rate` in Hz."""

    open: bool
    name: str | None
    rate: int | None
    level: float
    loudest: float


class SessionStatus(msgspec.Struct, frozen=True):
    """The session that somebody has begun with the button."""

    elapsed: float
    waiting: float
    connected: bool
    fallback: bool = False


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file says; times with their offset from UTC.

    `settings` is the file in use, `waiting` seconds of older audio still to be transcribed.
    """

    version: str
    pid: int
    started: datetime
    written: datetime
    mode: str = ""
    status: str
    settings: str | None = None
    faults: list[PartFault]
    button: ButtonStatus
    screen: ScreenStatus
    microphone: MicrophoneStatus
    session: SessionStatus | None = None
    waiting: float = 0.0


def to_write() -> Path | None:
    """Return where this appliance writes it; None where systemd named no directory."""
    directory = runtime_directory()
    return directory / _NAME if directory else None


def to_read() -> Path:
    """Return where the appliance of this box writes it."""
    return (runtime_directory() or _USUAL) / _NAME
