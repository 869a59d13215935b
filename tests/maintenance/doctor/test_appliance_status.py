import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.maintenance.doctor.appliance_status import RunningAppliance, observe
from appliance.maintenance.doctor.checks.running_appliance import check_appliance
from appliance.maintenance.doctor.result import Result
from appliance.system.status_file import SessionStatus
from tests.maintenance.doctor.healthy import NOW, status
from tests.rig.privileges import unprivileged


def written(folder: Path, **other: Any) -> Path:  # noqa: ANN401 - any field of a status
    path = folder / "status.json"
    path.write_bytes(msgspec.json.encode(status(**other)))
    return path


def observed(path: Path, later: float = 0.0) -> RunningAppliance | None:
    return observe(path, wall_clock=lambda: NOW.timestamp() + later)


def test_an_appliance_that_runs_is_observed(tmp_path: Path) -> None:
    appliance = observed(written(tmp_path), later=2.0)
    assert appliance == RunningAppliance(status(), 2.0)
    assert not appliance.hangs
    assert not appliance.in_session


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
    appliance = observed(path)
    assert appliance
    assert appliance.in_session, "who can't know must not disturb"
    found = check_appliance(appliance)
    assert found.result is Result.NOT_TRIED
    assert "sudo systemctl restart" in found.remedy


def test_an_unreadable_status_has_the_remedy_sudo() -> None:
    with unprivileged() as folder:
        written(folder).chmod(0)
        appliance = observed(folder / "status.json")
    assert appliance
    assert appliance.in_session
    assert check_appliance(appliance).remedy == "try with sudo"


def test_one_that_reports_nothing_yet_is_starting() -> None:
    assert RunningAppliance(None).in_session
    found = check_appliance(RunningAppliance(None))
    assert found.result is Result.NOT_TRIED
    assert found.found == "it is starting"
    assert found.remedy == "try again in a moment"


@pytest.mark.parametrize("later", [120.0, -86_400.0])
def test_an_appliance_that_writes_no_status_for_long_hangs(tmp_path: Path, later: float) -> None:
    appliance = observed(written(tmp_path), later)
    assert appliance
    assert appliance.hangs
    found = check_appliance(appliance)
    assert found.result is Result.FAILED
    assert "systemctl restart" in found.remedy


def test_a_running_session_is_noticed(tmp_path: Path) -> None:
    appliance = observed(written(tmp_path, session=SessionStatus(3.0, 0.5, connected=True)))
    assert appliance
    assert appliance.in_session
