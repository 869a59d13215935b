"""The settings file, and the version of the program that reads it."""

import platform
from collections.abc import Sequence
from pathlib import Path

from appliance import __version__
from appliance.maintenance.doctor.checks.running_appliance import RESTART, RunningAppliance
from appliance.maintenance.doctor.result import CheckResult, failed, fine, warning

_MODEL = Path("/proc/device-tree/model")


def examine_settings(
    path: Path, problems: Sequence[str], resident: RunningAppliance | None
) -> CheckResult:
    """Tell whether the settings can be used, and are those that the running appliance uses.

    Args:
        path: the settings file.
        problems: what is wrong with it, as `SettingsError` has it.
        resident: the appliance that runs, if one does.
    """
    if problems:
        return failed("; ".join(problems), f"mend {path}")
    if resident and (other := resident.settings_other_than(path)):
        return warning(
            f"{path} has no mistakes, but the running appliance uses {other}",
            f"to check that one: appliance doctor --config {other}",
        )
    if not path.exists():
        return fine(f"there is no {path}: all defaults are used")
    return fine(f"{path} has no mistakes")


def examine_version(resident: RunningAppliance | None, model: Path = _MODEL) -> CheckResult:
    """Tell the version of the program, of Python and of the system, and the kind of board."""
    try:
        board = model.read_text(encoding="utf-8").rstrip("\0\n")
    except OSError:
        board = platform.machine()
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        system = platform.system()
    found = f"{__version__}; Python {platform.python_version()}, {system}, {board}"
    running = resident.status.version if resident and resident.status else __version__
    if running != __version__:
        return warning(f"{found}; but {running} still runs", RESTART)
    return fine(found)
