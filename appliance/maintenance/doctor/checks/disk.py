"""The disk that holds what was said, and audio until it is transcribed."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.events import Fault
from appliance.maintenance.doctor.checks.permissions import User
from appliance.maintenance.doctor.checks.systemd_unit import Unit
from appliance.maintenance.doctor.result import (
    CheckResult,
    failed,
    failing,
    fine,
    not_tried,
    warning,
)
from appliance.settings import Settings

LEAST = 20_000_000
"""Free bytes below which the history itself is in danger."""

MAKE_ROOM = "make room: delete old sessions (appliance history delete), or use a larger card"


def _free_space(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def examine(
    settings: Settings, unit: Unit, free_space: Callable[[Path], int] = _free_space
) -> CheckResult:
    """Tell whether the service may write its state, and whether there is room for it.

    Args:
        settings: where the history lies, and how long the backlog may become.
        unit: says who writes there.
        free_space: tells how many bytes are free for a folder.
    """
    try:
        user = User.of(unit)
    except KeyError as error:
        return not_tried(f"the system does not know what the unit names: {error.args[0]}")
    if not user.can_be_asked_for:
        return not_tried(f"only root can find out what {user.name} may", "try with sudo")
    history = Path(settings.history.path).parent
    folders = dict.fromkeys([history, Path(unit.state_directory or settings.spool.parent)])
    for folder in folders:
        if unit.makes(folder) and not folder.exists():
            continue
        if hindrance := _hindrance(_nearest(folder), user):
            return hindrance
    return _judged(free_space(_nearest(history)), history, settings.session.backlog)


def _hindrance(folder: Path, user: User) -> CheckResult | None:
    """Return what keeps the user from writing into a folder, if anything does."""
    fault = Fault("Can't save", "check the SD card")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return failing(replace(fault, detail=f"{folder} is on a disk that can only be read"))
    if not user.may("-w", folder):
        return failed(f"{user.name} may not write into {folder}", f"let {user.name} write there")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return failing(replace(fault, detail=f"{folder}: {error.strerror}"))
    return None


def _judged(free: int, folder: Path, backlog: float) -> CheckResult:
    found = f"{free / 1e6:,.0f} MB free for {folder}"
    wanted = LEAST + backlog * SAMPLE_RATE * SAMPLE_BYTES
    if free < LEAST:
        return failed(found, MAKE_ROOM)
    if free < wanted:
        return warning(f"{found}; a full backlog takes {wanted / 1e6:,.0f} MB", MAKE_ROOM)
    return fine(found)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that there is."""
    return next(above for above in (folder, *folder.parents) if above.exists())
