"""Status of the appliance that runs on this machine, read from its `status.json`.

Pins, panel and microphone can be open in one program at a time. While the appliance has them, the
doctor reads its status instead of touching them.
"""

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from appliance.core.faults import Fault, Part
from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.maintenance.doctor.result import CheckResult, faulty, not_tried
from appliance.system.files import read
from appliance.system.status_file import LARGEST, Condition

STATUS_INTERVAL = 30.0
"""Seconds within which an appliance that does not hang writes its status again."""

RESTART = "restart it: sudo systemctl restart appliance"

REPORTED = "reported by the running appliance"
"""Detail of what is read from the status."""

STARTING = not_tried("it is starting", "try again in a moment")

UNREADABLE = not_tried("an appliance runs, but its status can't be read", "try with sudo")

INVALID = not_tried("an appliance runs, but its status makes no sense", RESTART)


class RunningAppliance(NamedTuple):
    """An appliance that runs on this machine.

    `status` is the state that it wrote `age` seconds ago; None if it can't be read, for the reason
    in `unknown`.
    """

    status: Condition | None
    age: float = 0.0
    unknown: CheckResult = STARTING

    @property
    def hangs(self) -> bool:
        """Whether it has not written its status for too long."""
        return self.age > STATUS_INTERVAL

    @property
    def in_session(self) -> bool:
        """Whether it listens to somebody, or may do so."""
        return self.status is None or self.status.session is not None

    def settings_other_than(self, path: Path) -> str:
        """Return the settings file that it uses; nothing if it is this one, or not known."""
        used = (self.status and self.status.settings) or ""
        return "" if used == str(path) else used


def observe(path: Path, wall_clock: Callable[[], float] = time.time) -> RunningAppliance | None:
    """Return the appliance that writes this status file; None if none runs."""
    try:
        status = JsonDecoder(Condition).decode(read(path, LARGEST))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return RunningAppliance(None, unknown=UNREADABLE)
    except (OSError, InvalidJsonError):
        return RunningAppliance(None, unknown=INVALID)
    if not _is_alive(status.pid):
        return None
    # A clock that was set meanwhile makes the status seem to come from the future.
    return RunningAppliance(status, abs(wall_clock() - status.written.timestamp()))


def fault_of(status: Condition, part: Part) -> CheckResult | None:
    """Return the fault that a running appliance reports of a part, if it reports one."""
    for fault in status.faults:
        if fault.part is part:
            return faulty(Fault(fault.what, fault.remedy, REPORTED))
    return None


def local_time(moment: datetime) -> str:
    """Return a moment in local time, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # it belongs to another user
    except (OSError, OverflowError):
        return False
    return True
