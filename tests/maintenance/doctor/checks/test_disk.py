from pathlib import Path

import msgspec

from appliance.maintenance.doctor.checks import disk
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.maintenance.doctor.unit import Unit
from appliance.settings import Settings
from tests.maintenance.doctor.checks.test_permissions import needs_root
from tests.maintenance.doctor.healthy import Systemd
from tests.maintenance.programs import no_program

NO_UNIT = Unit(no_program)


def settings_in(folder: Path) -> Settings:
    default = Settings()
    history = msgspec.structs.replace(default.history, path=str(folder / "history.db"))
    return msgspec.structs.replace(default, history=history)


def checked(
    folder: Path, unit: Unit = NO_UNIT, free: int = 500_000_000, lost: str = "nowhere"
) -> CheckResult:
    """Check with so many bytes free; what lies in folders named `lost` is gone at power-off."""
    return disk.check_disk(settings_in(folder), unit, lambda _: free, lambda it: it.name == lost)


def test_room_and_the_right_to_write_are_fine(tmp_path: Path) -> None:
    found = checked(tmp_path)
    assert found.result is Result.FINE
    assert found.found == f"500 MB free for {tmp_path}"
    assert list(tmp_path.glob("*.db")) == []


def test_the_disk_itself_is_asked(tmp_path: Path) -> None:
    assert (
        f" MB free for {tmp_path}"
        in disk.check_disk(settings_in(tmp_path), NO_UNIT, is_lost=lambda _: False).found
    )


def test_a_folder_that_will_be_made_is_fine_and_is_not_made_now(tmp_path: Path) -> None:
    assert checked(tmp_path / "new" / "folder").result is Result.FINE
    assert not (tmp_path / "new").exists()


def test_a_folder_in_memory_is_a_warning_that_says_what_is_lost(tmp_path: Path) -> None:
    found = checked(tmp_path / "state", lost=tmp_path.name)
    assert found.result is Result.WARNING
    assert found.found == (
        f"{tmp_path / 'state'} lies in memory: what is said is gone at power-off"
    )
    assert "partition of its own" in found.remedy


def test_no_room_at_all_in_memory_has_failed(tmp_path: Path) -> None:
    assert checked(tmp_path, free=1_000_000, lost=tmp_path.name).result is Result.FAILED


def test_too_little_room_for_a_full_backlog_is_a_warning(tmp_path: Path) -> None:
    found = checked(tmp_path, free=100_000_000)
    assert found.result is Result.WARNING
    assert "a full backlog takes 135 MB" in found.found
    assert "larger card" in found.remedy


@needs_root
def test_a_disk_that_can_not_be_written_is_reported_in_the_words_of_the_appliance() -> None:
    found = checked(Path("/proc"))
    assert found.result is Result.FAILED
    assert found.found.startswith("Can't save (/proc: ")
    assert found.remedy == "check the SD card"


def test_no_room_at_all_has_failed(tmp_path: Path) -> None:
    found = checked(tmp_path, free=1_000_000)
    assert found.result is Result.FAILED
    assert "make room" in found.remedy


@needs_root
def test_a_folder_of_somebody_else_is_reported(tmp_path: Path) -> None:
    found = checked(tmp_path, Unit(Systemd(User="nobody", SupplementaryGroups="")))
    assert found.result is Result.FAILED
    assert f"nobody may not write into {tmp_path}" in found.found
    assert found.remedy == "let nobody write there"


def test_what_the_system_does_not_know_is_reported_elsewhere(tmp_path: Path) -> None:
    assert checked(tmp_path, Unit(Systemd(User="no-such-user"))).result is Result.NOT_TRIED
