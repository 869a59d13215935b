"""The appliance that runs on this box, as its `status.json` tells it.

Pins, panel and microphone have one owner at a time; while that is the running appliance, the
doctor asks it instead of touching them.
"""

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from appliance.core.events import Fault
from appliance.core.parts import Part
from appliance.maintenance.doctor.result import CheckResult, failed, failing, fine, not_tried
from appliance.system.files import read
from appliance.system.status_file import LARGEST, Condition

RECENT = 30.0
"""Seconds within which a running appliance writes its status anew."""

RESTART = "restart it: sudo systemctl restart appliance"

LOCKED = not_tried("an appliance runs here, but what it tells can't be read", "try with sudo")

GARBLED = not_tried("an appliance runs here, but what it tells can't be understood", RESTART)

STARTING = not_tried("it is starting", "try again in a moment")

_TOLD_ELSEWHERE = {
    Part.BROKER,
    Part.SETTINGS,
    Part.SESSION,
    Part.MICROPHONE,
    Part.BUTTON,
    Part.SCREEN,
}
"""Parts whose faults have a check of their own."""

_SOURCE = "so says the running appliance"


class RunningAppliance(NamedTuple):
    """An appliance that runs on this box.

    `status` is what it wrote last, `age` seconds ago; None where that is not to be had, and then
    `untold` says why.
    """

    status: Condition | None
    age: float = 0.0
    untold: CheckResult = STARTING

    @property
    def hangs(self) -> bool:
        """Whether it has been silent for longer than one that is well."""
        return self.age > RECENT

    @property
    def in_session(self) -> bool:
        """Whether somebody is being listened to, or may be."""
        return self.status is None or self.status.session is not None

    def settings_other_than(self, path: Path) -> str:
        """Return the settings file that it uses; nothing where it is this one, or not known."""
        used = (self.status and self.status.settings) or ""
        return "" if used == str(path) else used


def observe(path: Path, wall_clock: Callable[[], float] = time.time) -> RunningAppliance | None:
    """Return the appliance that runs on this box; None where none does."""
    try:
        status = msgspec.json.decode(read(path, LARGEST), type=Condition)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return RunningAppliance(None, untold=LOCKED)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return RunningAppliance(None, untold=GARBLED)
    if not _is_alive(status.pid):
        return None
    # A clock that was set meanwhile makes the status seem to come from the future.
    return RunningAppliance(status, abs(wall_clock() - status.written.timestamp()))


def examine(resident: RunningAppliance | None) -> CheckResult:
    """Tell how the running appliance is."""
    if resident is None:
        return not_tried("it does not run now; its parts are tried directly")
    status = resident.status
    if status is None:
        return resident.untold
    if resident.hangs:
        return failed(f"it hangs: no sign of life for {resident.age:.0f} s", RESTART)
    for fault in status.faults:
        if fault.part not in _TOLD_ELSEWHERE:
            return failing(Fault(fault.what, fault.remedy, _SOURCE))
    does = "it runs" if status.faults else status.status
    return fine(f"{does} (process {status.pid}, since {_moment(status.started)})")


def examine_button(status: Condition) -> CheckResult:
    """Tell whether a press would be noticed."""
    if fault := _finding_for(status, Part.BUTTON):
        return fault
    if not status.button.ready:
        return failed(f"its pin is not watched ({_SOURCE})", RESTART)
    pressed = status.button.pressed
    last = f"last pressed {_moment(pressed)}" if pressed else "not pressed since the start"
    return fine(f"{last} ({_SOURCE})")


def examine_screen(status: Condition) -> CheckResult:
    """Tell whether anything can be seen."""
    if fault := _finding_for(status, Part.SCREEN):
        return fault
    screen = status.screen
    if screen.driver == "none":
        return not_tried(f"the settings have none ({_SOURCE})")
    if not screen.shows:
        return failed(f"{screen.driver} shows nothing ({_SOURCE})", RESTART)
    return fine(f"{screen.driver} shows pictures, {screen.frames} until now ({_SOURCE})")


def examine_microphone(status: Condition) -> CheckResult:
    """Tell whether there is one, and what it heard."""
    if fault := _finding_for(status, Part.MICROPHONE):
        return fault
    microphone = status.microphone
    rate = f" at {microphone.rate} Hz" if microphone.rate else ""
    name = f"{microphone.name}{rate}" if microphone.name else "there, not opened yet"
    level = f"level {microphone.level:.1f} of 1 now, " if microphone.open else ""
    return fine(f"{name}; {level}loudest in the last session {microphone.loudest:.1f} ({_SOURCE})")


def _finding_for(status: Condition, part: Part) -> CheckResult | None:
    """Return what is wrong with a part, if anything is."""
    for fault in status.faults:
        if fault.part == part:
            return failing(Fault(fault.what, fault.remedy, _SOURCE))
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # it is another user's
    except (OSError, OverflowError):
        return False
    return True


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
