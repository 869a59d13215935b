"""Check of the systemd unit: active, enabled, never restarted."""

from collections.abc import Iterator

from appliance.maintenance.doctor.context import Context
from appliance.maintenance.doctor.result import CheckResult, failed, fine, not_tried, warning
from appliance.maintenance.doctor.runner import Check
from appliance.maintenance.doctor.unit import NAME, Unit

JOURNAL = "see why: journalctl -u appliance"


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the unit."""
    yield Check("unit", lambda: check_unit(context.unit), time_limit=6)


def check_unit(unit: Unit) -> CheckResult:
    """Check that the unit is active, starts at boot, and stays up."""
    properties = unit.properties
    if not properties:
        return not_tried("systemd does not run here, or does not answer")
    if not unit.is_known:
        load_state = properties.get("LoadState", "not known")
        unmask = "sudo systemctl unmask appliance, then " if load_state == "masked" else ""
        return warning(
            f"{NAME} is {load_state}",
            f"to run from boot, install it: {unmask}sudo ./scripts/install",
        )
    active, sub_state = properties.get("ActiveState"), properties.get("SubState")
    state = f"{active} ({sub_state})"
    status = properties.get("ExecMainStatus")
    last = f"last end: {properties.get('Result')}, exit status {status}"
    if active == "failed" or sub_state == "auto-restart":
        return failed(f"{state}; {last}", JOURNAL)
    if active == "activating":
        return warning(f"{state}: it is not ready yet", "wait a moment, then try again")
    if active != "active":
        return warning(f"{state}; {last}", "start it: sudo systemctl start appliance")
    return _check_active_unit(properties)


def _check_active_unit(properties: dict[str, str]) -> CheckResult:
    since = f"active since {properties.get('ActiveEnterTimestamp')}"
    if properties.get("UnitFileState") != "enabled":
        return warning(
            f"{since}, {properties.get('UnitFileState') or 'not enabled'}",
            "let it start at boot: sudo systemctl enable appliance",
        )
    restarts = int(properties.get("NRestarts") or 0)
    if restarts:
        return warning(f"{since}, enabled; restarts by itself until now: {restarts}", JOURNAL)
    return fine(f"{since}, enabled, never restarted by itself")
