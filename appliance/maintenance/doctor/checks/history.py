"""Check of the history's database."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from appliance.history.database import find_damage, is_there
from appliance.history.location import files_set_aside, path_in_use
from appliance.history.reader import sessions
from appliance.history.schema import SchemaError
from appliance.maintenance.doctor.checks.disk import OTHER_CARD
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed, fine, not_tried, warning
from appliance.maintenance.doctor.runner import Check

SEARCH_TIME = 20.0
"""Seconds to search for damage; a large history on a slow card is checked in part."""

OTHER_VERSION = "update the program, or set history.path to another file"


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the history."""
    path = Path(context.settings.history.path)
    yield Check(
        "history",
        lambda: check_history(path),
        time_limit=SEARCH_TIME + 10,
        overdue_remedy=OTHER_CARD,
        needs=NEEDS_SETTINGS,
    )


def check_history(path: Path, search_time: float = SEARCH_TIME) -> CheckResult:
    """Check that the database is whole, and name those that were set aside.

    Args:
        path: `history.path` of the settings.
        search_time: seconds to search for damage.
    """
    named, path = path, path_in_use(path)
    try:
        damage = find_damage(path, search_time) if is_there(path) else ""
        aside = files_set_aside(named)
        if not damage:
            list(sessions(path, "last"))
    except PermissionError:
        return not_tried(f"only root and the appliance may read {path}", "try with sudo")
    except (OSError, sqlite3.Error) as error:
        remedy = OTHER_VERSION if isinstance(error, SchemaError) else "check the SD card"
        return failed(f"{path} can't be read: {error}", remedy)
    if damage:
        return failed(
            f"{path} is damaged: {' '.join(damage.split())}",
            f"end the appliance, then run: appliance history recover {path}",
        )
    if path != named and _is_something(named):
        return warning(
            f"what lies at {named} can't be used or renamed: the history goes on in {path}",
            f"check the card (fsck); then run: appliance history recover {named}; then delete it",
        )
    if aside:
        return warning(
            f"set aside: {', '.join(map(str, aside))}",
            f"to add what can be read of it: appliance history recover {aside[0]}; then delete it",
        )
    return fine(f"no damage was found in {path}")


def _is_something(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
