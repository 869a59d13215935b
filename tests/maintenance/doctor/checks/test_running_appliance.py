import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.core.parts import Part
from appliance.maintenance.doctor.checks import running_appliance
from appliance.maintenance.doctor.checks.running_appliance import RunningAppliance
from appliance.maintenance.doctor.result import Result
from appliance.system.status_file import (
    ButtonStatus,
    Condition,
    MicrophoneStatus,
    PartFault,
    ScreenStatus,
    SessionStatus,
)
from tests.rig.privileges import unprivileged

NOW = datetime(2026, 11, 22, 14, 5, 12, tzinfo=UTC)


def status(**other: Any) -> Condition:  # noqa: ANN401 - any field of a status
    """Return the status of a box that is well, but for what is given."""
    well = Condition(
        version="1.0",
        pid=os.getpid(),
        started=NOW,
        written=NOW,
        status="Ready: press to talk",
        faults=[],
        button=ButtonStatus(ready=True, pressed=NOW),
        screen=ScreenStatus("ssd1306", shows=True, frames=1234),
        microphone=MicrophoneStatus(open=False, name="USB", rate=48_000, level=0.0, loudest=0.7),
    )
    return msgspec.structs.replace(well, **other)


def written(folder: Path, **other: Any) -> Path:  # noqa: ANN401 - any field of a status
    path = folder / "status.json"
    path.write_bytes(msgspec.json.encode(status(**other)))
    return path


def observed(path: Path, later: float = 0.0) -> RunningAppliance | None:
    return running_appliance.observe(path, wall_clock=lambda: NOW.timestamp() + later)


# Which one runs


def test_an_appliance_that_runs_is_observed(tmp_path: Path) -> None:
    resident = observed(written(tmp_path), later=2.0)
    assert resident == RunningAppliance(status(), 2.0)
    assert not resident.hangs
    assert not resident.in_session


def test_what_a_dead_appliance_has_left_is_passed_over(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert observed(written(tmp_path, pid=gone.pid)) is None


def test_without_a_status_none_runs(tmp_path: Path) -> None:
    assert observed(tmp_path / "status.json") is None
    assert observed(tmp_path / "none" / "status.json") is None


@pytest.mark.parametrize("text", [b"{}", b"", b'{"version": "\xff"}'])
def test_a_status_that_makes_no_sense_is_somebodys(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(text)
    resident = observed(path)
    assert resident
    assert resident.in_session, "who can't know must not disturb"
    found = running_appliance.examine(resident)
    assert found.result is Result.NOT_TRIED
    assert "sudo systemctl restart" in found.remedy


def test_only_who_may_not_read_the_status_is_told_to_try_with_sudo() -> None:
    with unprivileged() as folder:
        written(folder).chmod(0)
        resident = observed(folder / "status.json")
    assert resident
    assert resident.in_session
    assert running_appliance.examine(resident).remedy == "try with sudo"


def test_one_that_tells_nothing_yet_is_starting() -> None:
    assert RunningAppliance(None).in_session
    found = running_appliance.examine(RunningAppliance(None))
    assert found.result is Result.NOT_TRIED
    assert found.found == "it is starting"
    assert found.remedy == "try again in a moment"


@pytest.mark.parametrize("later", [120.0, -86_400.0])
def test_one_that_is_silent_for_long_hangs(tmp_path: Path, later: float) -> None:
    resident = observed(written(tmp_path), later)
    assert resident
    assert resident.hangs
    found = running_appliance.examine(resident)
    assert found.result is Result.FAILED
    assert "systemctl restart" in found.remedy


def test_a_session_is_seen(tmp_path: Path) -> None:
    resident = observed(written(tmp_path, session=SessionStatus(3.0, 0.5, connected=True)))
    assert resident
    assert resident.in_session


# How it is


def test_one_that_is_well_says_what_it_does() -> None:
    found = running_appliance.examine(RunningAppliance(status()))
    assert found.result is Result.FINE
    assert found.found.startswith(f"Ready: press to talk (process {os.getpid()}, since 2026-11-2")
    assert running_appliance.examine(None).result is Result.NOT_TRIED


def test_a_fault_that_nobody_else_tells_is_told() -> None:
    full = status(faults=[PartFault(Part.HISTORY, "Can't save", "check the SD card")])
    found = running_appliance.examine(RunningAppliance(full))
    assert found.result is Result.FAILED
    assert found.found == "Can't save (so says the running appliance)"
    assert found.remedy == "check the SD card"


@pytest.mark.parametrize(
    "part", [Part.SESSION, Part.SETTINGS, Part.BUTTON, Part.MICROPHONE, Part.SCREEN]
)
def test_a_fault_with_a_check_of_its_own_is_not_told_twice(part: Part) -> None:
    faulty = status(faults=[PartFault(part, "Something", "do something")])
    assert running_appliance.examine(RunningAppliance(faulty)).result is Result.FINE


@pytest.mark.parametrize(
    ("part", "examine"),
    [
        (Part.BUTTON, running_appliance.examine_button),
        (Part.SCREEN, running_appliance.examine_screen),
        (Part.MICROPHONE, running_appliance.examine_microphone),
    ],
)
def test_each_part_is_fine_or_has_the_fault_that_the_appliance_tells(
    part: Part,
    examine: Any,  # noqa: ANN401 - one of three functions
) -> None:
    assert examine(status()).result is Result.FINE
    assert examine(status()).found.endswith("(so says the running appliance)")
    found = examine(status(faults=[PartFault(part, "Broken", "mend it")]))
    assert found.result is Result.FAILED
    assert found.found.startswith("Broken")
    assert found.remedy == "mend it"


def test_what_the_parts_did_is_told() -> None:
    moment = NOW.astimezone().strftime("%H:%M:%S")
    assert moment in running_appliance.examine_button(status()).found
    assert "1234" in running_appliance.examine_screen(status()).found
    assert "loudest in the last session 0.7" in running_appliance.examine_microphone(status()).found
    listening = MicrophoneStatus(open=True, name="USB", rate=48_000, level=0.4, loudest=0.7)
    found = running_appliance.examine_microphone(status(microphone=listening)).found
    assert found.startswith("USB at 48000 Hz; level 0.4 of 1 now, ")


def test_parts_that_were_not_used_yet_are_fine() -> None:
    unpressed = status(button=ButtonStatus(ready=True))
    assert "not pressed since the start" in running_appliance.examine_button(unpressed).found
    unopened = MicrophoneStatus(open=False, name=None, rate=None, level=0.0, loudest=0.0)
    found = running_appliance.examine_microphone(status(microphone=unopened))
    assert found.result is Result.FINE
    assert "not opened yet" in found.found


def test_parts_that_do_not_work_have_failed_without_a_fault_too() -> None:
    deaf = status(button=ButtonStatus(ready=False))
    assert running_appliance.examine_button(deaf).result is Result.FAILED
    dark = status(screen=ScreenStatus("ssd1306", shows=False, frames=0))
    assert running_appliance.examine_screen(dark).result is Result.FAILED
    none = status(screen=ScreenStatus("none", shows=False, frames=0))
    assert running_appliance.examine_screen(none).result is Result.NOT_TRIED
