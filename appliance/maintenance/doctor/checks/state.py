"""Check of the state folder: what was found in it and can't be used."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.maintenance.doctor.checks.disk import OTHER_CARD
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed, fine, not_tried, warning
from appliance.maintenance.doctor.runner import Check
from appliance.settings import last_good
from appliance.streaming.spool.inventory import rejected_in, without_session_in
from appliance.streaming.spool.quarantine import set_aside_in
from appliance.system import files

MAX_NAMED = 3
"""Paths in one line of the report."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the state folder."""
    state = Path(context.unit.state_directory or context.settings.spool.parent)
    yield Check(
        "state",
        lambda: check_state(state),
        time_limit=10,
        overdue_remedy=OTHER_CARD,
        needs=NEEDS_SETTINGS,
    )


def check_state(state: Path) -> CheckResult:
    """Check whether something lies in the state folder that the appliance could not use.

    Args:
        state: the folder.
    """
    try:
        aside = set_aside_in(state)
    except FileNotFoundError:
        return fine(f"{state} is not there yet")
    except PermissionError:
        return not_tried(f"only root can look into {state}", "try with sudo")
    except OSError as error:
        return failed(f"{state} can't be read: {files.reason(error)}", "check the SD card")
    unusable = [piece.path for piece in rejected_in(state / "spool")]
    if not _can_be_read(state / last_good.NAME):
        unusable.append(state / last_good.NAME)
    if unusable:
        return failed(f"can't be used: {_names(unusable, state)}", "check the SD card")
    strange = without_session_in(state / "spool")
    if aside or strange:
        what = "set aside, since it could not be used" if aside else "audio of no session"
        remedy = f"copy from {state} what you need, then delete it"
        return warning(f"{what}: {_names(aside or strange, state)}", remedy)
    return fine(f"all of {state} can be used")


def _can_be_read(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _names(paths: list[Path], state: Path) -> str:
    # Escaped: a damaged name may hold any bytes.
    names = [ascii(str(path.relative_to(state)))[1:-1] for path in paths]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
