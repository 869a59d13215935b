from pathlib import Path

from appliance import __version__
from appliance.maintenance.doctor.appliance_status import RunningAppliance
from appliance.maintenance.doctor.checks.settings import check_settings, check_version
from appliance.maintenance.doctor.result import Result
from tests.maintenance.doctor.healthy import status


def test_a_file_without_mistakes_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.touch()
    found = check_settings(path, [], None)
    assert found.result is Result.FINE
    assert str(path) in found.found


def test_a_file_that_is_not_there_means_all_defaults(tmp_path: Path) -> None:
    found = check_settings(tmp_path / "none.toml", [], None)
    assert found.result is Result.FINE
    assert "all defaults" in found.found


def test_every_mistake_is_reported(tmp_path: Path) -> None:
    found = check_settings(tmp_path, ["unknown key a", "b = 7 is not allowed"], None)
    assert found.result is Result.FAILED
    assert found.found == "unknown key a; b = 7 is not allowed"
    assert found.remedy == f"correct {tmp_path}"


def test_another_file_than_the_running_appliances_is_a_warning(tmp_path: Path) -> None:
    appliance = RunningAppliance(status(settings="/etc/appliance/appliance.toml"))
    found = check_settings(tmp_path / "mine.toml", [], appliance)
    assert found.result is Result.WARNING
    assert found.remedy.endswith("appliance doctor --config /etc/appliance/appliance.toml")
    same = Path("/etc/appliance/appliance.toml")
    assert check_settings(same, [], appliance).result is Result.FINE


def test_the_version_comes_with_the_kind_of_board(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_bytes(b"Raspberry Pi Zero 2 W Rev 1.0\0")
    found = check_version(RunningAppliance(status(version=__version__)), model)
    assert found.result is Result.FINE
    assert found.found.startswith(f"{__version__}; Python 3")
    assert found.found.endswith("Raspberry Pi Zero 2 W Rev 1.0")


def test_an_older_version_that_still_runs_is_a_warning(tmp_path: Path) -> None:
    found = check_version(RunningAppliance(status(version="0.0.1")), tmp_path / "none")
    assert found.result is Result.WARNING
    assert found.found.endswith("but 0.0.1 still runs")
    assert found.remedy == "restart it: sudo systemctl restart appliance"
