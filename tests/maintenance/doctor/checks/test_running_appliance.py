import os

import pytest

from appliance.core.faults import Part
from appliance.maintenance.doctor.appliance_status import RunningAppliance
from appliance.maintenance.doctor.checks.running_appliance import check_appliance
from appliance.maintenance.doctor.result import Result
from appliance.system.status_file import PartFault
from tests.maintenance.doctor.healthy import status


def test_one_that_is_well_says_what_it_does() -> None:
    found = check_appliance(RunningAppliance(status()))
    assert found.result is Result.FINE
    assert found.found.startswith(f"Ready: press to talk (process {os.getpid()}, since 2026-11-2")
    assert check_appliance(None).result is Result.NOT_TRIED


def test_a_fault_that_no_other_check_reports_is_reported() -> None:
    full = status(faults=[PartFault(Part.HISTORY, "Can't save", "check the SD card")])
    found = check_appliance(RunningAppliance(full))
    assert found.result is Result.FAILED
    assert found.found == "Can't save (reported by the running appliance)"
    assert found.remedy == "check the SD card"


@pytest.mark.parametrize(
    "part", [Part.SESSION, Part.SETTINGS, Part.BUTTON, Part.MICROPHONE, Part.SCREEN]
)
def test_a_fault_with_a_check_of_its_own_is_not_reported_twice(part: Part) -> None:
    faulty = status(faults=[PartFault(part, "Something", "do something")])
    assert check_appliance(RunningAppliance(faulty)).result is Result.FINE
