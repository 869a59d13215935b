"""Check of the disk that holds the history, and audio until it is transcribed."""

import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.faults import Fault
from appliance.maintenance.doctor.checks.permissions import User
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import (
    CheckResult,
    Result,
    failed,
    faulty,
    fine,
    not_tried,
    warning,
)
from appliance.maintenance.doctor.runner import Check
from appliance.maintenance.doctor.unit import Unit
from appliance.settings import Settings
from appliance.system.mounts import is_in_memory

LEAST = 20_000_000
"""Free bytes below which the history itself is in danger."""

OTHER_CARD = "the card does not answer: use another one"

MAKE_ROOM = "make room: delete old sessions (appliance history delete), or use a larger card"


OWN_PARTITION = "give the state a partition of its own: see docs/operation.md, An overlay"


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the disk."""
    yield Check(
        "disk",
        lambda: check_disk(
            context.settings,
            context.unit,
            is_lost=functools.partial(is_in_memory, proc=context.machine.proc),
        ),
        time_limit=10,
        overdue_remedy=OTHER_CARD,
        needs=NEEDS_SETTINGS,
    )


def _free_space(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def check_disk(
    settings: Settings,
    unit: Unit,
    free_space: Callable[[Path], int] = _free_space,
    is_lost: Callable[[Path], bool] = is_in_memory,
) -> CheckResult:
    """Check that the service can write its state, and that there is enough room for it.

    Args:
        settings: where the history lies, and how long the backlog may become.
        unit: names the user that writes there.
        free_space: returns the free bytes of a folder's disk.
        is_lost: returns whether what is written into a folder is gone at power-off.
    """
    try:
        user = User.of(unit)
    except KeyError as error:
        return not_tried(f"the system does not know what the unit names: {error.args[0]}")
    if not user.can_be_asked_for:
        return not_tried(f"only root can find out what {user.name} may do", "try with sudo")
    history = Path(settings.history.path).parent
    folders = dict.fromkeys([history, Path(unit.state_directory or settings.spool.parent)])
    for folder in folders:
        if unit.makes(folder) and not folder.exists():
            continue
        if obstacle := _obstacle(_nearest(folder), user):
            return obstacle
    space = _check_space(free_space(_nearest(history)), history, settings.session.backlog)
    lost = [str(folder) for folder in folders if is_lost(_nearest(folder))]
    if lost and space.result is not Result.FAILED:
        where = " and ".join(lost)
        return warning(f"{where} lies in memory: what is said is gone at power-off", OWN_PARTITION)
    return space


def _obstacle(folder: Path, user: User) -> CheckResult | None:
    """Return what keeps the user from writing into a folder, if anything does."""
    fault = Fault("Can't save", "check the SD card")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return faulty(replace(fault, detail=f"{folder} is on a read-only disk"))
    if not user.may("-w", folder):
        return failed(f"{user.name} may not write into {folder}", f"let {user.name} write there")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return faulty(replace(fault, detail=f"{folder}: {error.strerror}"))
    return None


def _check_space(free: int, folder: Path, backlog: float) -> CheckResult:
    found = f"{free / 1e6:,.0f} MB free for {folder}"
    wanted = LEAST + backlog * SAMPLE_RATE * SAMPLE_BYTES
    if free < LEAST:
        return failed(found, MAKE_ROOM)
    if free < wanted:
        return warning(f"{found}; a full backlog takes {wanted / 1e6:,.0f} MB", MAKE_ROOM)
    return fine(found)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest existing one above it."""
    return next(above for above in (folder, *folder.parents) if above.exists())
