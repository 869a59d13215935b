from pathlib import Path

import pytest

from appliance.history.location import set_aside
from appliance.maintenance.doctor.checks.history import check_history
from appliance.maintenance.doctor.result import Result
from tests.history import schemas


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    schemas.make(path, schemas.PRESENT)
    return path


def test_a_whole_history_is_fine(path: Path) -> None:
    assert check_history(path).result is Result.FINE


def test_a_history_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    assert check_history(tmp_path / "history.db").result is Result.FINE


def test_a_damaged_history_fails_with_the_command_that_recovers_it(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    found = check_history(path)
    assert found.result is Result.FAILED
    assert "is damaged" in found.found
    assert f"appliance history recover {path}" in found.remedy


@pytest.mark.parametrize("changed", schemas.RENAMED)
def test_a_history_of_a_newer_version_is_named_as_the_commands_name_it(
    tmp_path: Path, changed: str
) -> None:
    path = tmp_path / "history.db"
    schemas.make(path, *schemas.RENAMED[changed])
    found = check_history(path)
    assert found.result is Result.FAILED
    assert "a newer version of the program wrote it" in found.found
    assert "update the program" in found.remedy


def test_what_is_no_database_fails_too(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    assert check_history(path).result is Result.FAILED
    path.unlink()
    path.mkdir()
    assert check_history(path).result is Result.FAILED


@pytest.mark.parametrize("why", ["damaged", "newer"])
def test_histories_that_were_set_aside_are_named_with_the_command(path: Path, why: str) -> None:
    aside = set_aside(path, why, 1234.0)  # type: ignore[arg-type]
    found = check_history(path)
    assert found.result is Result.WARNING
    assert str(aside) in found.found
    assert f"appliance history recover {aside}" in found.remedy


def test_a_history_that_goes_on_beside_its_place_is_named_until_that_is_free(path: Path) -> None:
    beside = path.with_name("history.continued-1.db")
    schemas.make(beside, schemas.PRESENT)
    found = check_history(path)
    assert found.result is Result.WARNING
    assert f"goes on in {beside}" in found.found
    path.unlink()
    assert check_history(path).result is Result.FINE


def test_a_search_that_takes_too_long_finds_nothing(path: Path) -> None:
    assert check_history(path, search_time=0.0).result is Result.FINE
