"""Checks of the settings file and of the program's version."""

import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from appliance import __version__
from appliance.maintenance.doctor.appliance_status import RESTART, RunningAppliance
from appliance.maintenance.doctor.context import SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed, fine, warning
from appliance.maintenance.doctor.runner import Check

_MODEL = Path("/proc/device-tree/model")


def checks(context: Context) -> Iterator[Check]:
    """Yield the checks of the version and of the settings."""
    path, problems, appliance = context.path, context.problems, context.appliance
    yield Check("version", lambda: check_version(appliance))
    yield Check(SETTINGS, lambda: check_settings(path, problems, appliance))


def check_settings(
    path: Path, problems: Sequence[str], appliance: RunningAppliance | None
) -> CheckResult:
    """Check that the settings can be used, and that the running appliance uses them.

    Args:
        path: the settings file.
        problems: a sentence for each mistake in it, as in `SettingsError`.
        appliance: the appliance that runs, if one does.
    """
    if problems:
        return failed("; ".join(problems), f"correct {path}")
    if appliance and (other := appliance.settings_other_than(path)):
        return warning(
            f"{path} has no mistakes, but the running appliance uses {other}",
            f"to check that one: appliance doctor --config {other}",
        )
    if not path.exists():
        return fine(f"there is no {path}: all defaults are used")
    return fine(f"{path} has no mistakes")


def check_version(appliance: RunningAppliance | None, model: Path = _MODEL) -> CheckResult:
    """Name the version of the program, Python and the system, and the board's model.

    Args:
        appliance: the appliance that runs, if one does.
        model: file with the name of the board.
    """
    try:
        board = model.read_text(encoding="utf-8").rstrip("\0\n")
    except OSError:
        board = platform.machine()
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        system = platform.system()
    found = f"{__version__}; Python {platform.python_version()}, {system}, {board}"
    running = appliance.status.version if appliance and appliance.status else __version__
    if running != __version__:
        return warning(f"{found}; but {running} still runs", RESTART)
    return fine(found)
