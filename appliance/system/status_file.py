"""Schema and place of `status.json`, the state of a running appliance for other programs."""

from datetime import datetime
from pathlib import Path

import msgspec

from appliance.core.faults import Part
from appliance.system.environment import runtime_directory

_NAME = "status.json"

LARGEST = 64 * 1024
"""Bytes that a reader takes; the usual file has one thousand."""

_UNIT_DIRECTORY = Path("/run/appliance")
"""Runtime directory of the unit."""


class PartFault(msgspec.Struct, frozen=True):
    """Fault of a part."""

    part: Part
    what: str
    remedy: str = ""


class ButtonStatus(msgspec.Struct, frozen=True):
    """Button: whether its pin is watched, and when it was last pressed."""

    ready: bool
    pressed: datetime | None = None


class ScreenStatus(msgspec.Struct, frozen=True):
    """Screen: whether it shows pictures, and how many it has shown."""

    driver: str
    shows: bool
    frames: int


class MicrophoneStatus(msgspec.Struct, frozen=True):
    """Microphone: `rate` in Hz; `level` now and the `loudest` of the last session, 0.0 to 1.0."""

    open: bool
    name: str | None
    rate: int | None
    level: float
    loudest: float


class SessionStatus(msgspec.Struct, frozen=True):
    """Live session; `elapsed` and `waiting` (audio not yet transcribed) in seconds."""

    elapsed: float
    waiting: float
    connected: bool
    fallback: bool = False


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the file. Times have their offset from UTC.

    `settings` is the path of the settings file in use; `waiting` is the audio of earlier sessions
    that is not yet transcribed, in seconds.
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
    """Return where this appliance writes the file; None if systemd named no directory."""
    directory = runtime_directory()
    return directory / _NAME if directory else None


def to_read() -> Path:
    """Return where the appliance on this machine writes the file."""
    return (runtime_directory() or _UNIT_DIRECTORY) / _NAME
