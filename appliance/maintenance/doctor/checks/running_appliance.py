"""Check of the running appliance, by the status that it writes."""

from collections.abc import Iterator

from appliance.core.faults import Fault, Part
from appliance.maintenance.doctor.appliance_status import (
    REPORTED,
    RESTART,
    RunningAppliance,
    local_time,
)
from appliance.maintenance.doctor.context import Context
from appliance.maintenance.doctor.result import CheckResult, failed, faulty, fine, not_tried
from appliance.maintenance.doctor.runner import Check

_CHECKED_ELSEWHERE = {
    Part.BROKER,
    Part.SETTINGS,
    Part.SESSION,
    Part.MICROPHONE,
    Part.BUTTON,
    Part.SCREEN,
}
"""Parts that have a check of their own."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the running appliance."""
    yield Check("appliance", lambda: check_appliance(context.appliance))


def check_appliance(appliance: RunningAppliance | None) -> CheckResult:
    """Check that the running appliance does not hang, and reports no fault."""
    if appliance is None:
        return not_tried("it does not run now; its parts are tried directly")
    status = appliance.status
    if status is None:
        return appliance.unknown
    if appliance.hangs:
        return failed(f"it hangs: no sign of life for {appliance.age:.0f} s", RESTART)
    for fault in status.faults:
        if fault.part not in _CHECKED_ELSEWHERE:
            return faulty(Fault(fault.what, fault.remedy, REPORTED))
    does = "it runs" if status.faults else status.status
    return fine(f"{does} (process {status.pid}, since {local_time(status.started)})")
