import contextlib
import os
from pathlib import Path

import pytest

from appliance.maintenance.doctor.checks.state import check_state
from appliance.maintenance.doctor.result import Result
from appliance.settings import last_good
from appliance.streaming.spool.inventory import recordings_in
from tests.streaming.spool import trees


def test_a_state_folder_that_is_well_is_fine(tmp_path: Path) -> None:
    trees.leave_session(tmp_path / "spool", "s1")
    assert check_state(tmp_path).result is Result.FINE
    assert check_state(tmp_path / "nowhere").result is Result.FINE


def test_what_was_set_aside_is_named(tmp_path: Path) -> None:
    folder = trees.leave_session(tmp_path / "spool", "s1")
    trees.dangling_link(folder)
    assert check_state(tmp_path).result is Result.FAILED  # it will be set aside at the next start
    recordings_in(tmp_path / "spool")
    found = check_state(tmp_path)
    assert found.result is Result.WARNING
    assert "spool/s1/000000000100-0000001000000.pcm.unreadable" in found.found
    assert str(tmp_path) in found.remedy


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("spool/backup/s2/000000000000-0000001000000.pcm", "spool/backup/s2"),
        ("spool/s1/old/000000000000-0000001000000.pcm", "spool/s1/old"),
        ("spool/s1/0000-0000001000000.pcm", "spool/s1"),
        ("spool/000000000000-0000001000000.pcm", "spool"),
    ],
)
def test_audio_that_is_no_sessions_is_named(tmp_path: Path, file: str, named: str) -> None:
    trees.leave_session(tmp_path / "spool", "s1")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(bytes(64))
    found = check_state(tmp_path)
    assert found.result is Result.WARNING
    assert found.found.endswith(f": {named}")


def test_looking_changes_nothing(tmp_path: Path) -> None:
    folder = trees.leave_session(tmp_path / "spool", "s1")
    for damage in trees.DAMAGES:
        if damage not in (trees.looping_link, trees.link_to_a_device):  # names that are taken
            with contextlib.suppress(OSError):
                damage(folder)
    before = sorted(os.walk(tmp_path))
    assert check_state(tmp_path).result is Result.FAILED
    assert sorted(os.walk(tmp_path)) == before


def test_many_are_not_all_named(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"spool.unreadable-{number}").touch()
    assert check_state(tmp_path).found.endswith("and 2 more")


def test_a_name_of_any_bytes_can_be_printed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.unreadable")).touch()
    assert check_state(tmp_path).found.isascii()


@pytest.mark.parametrize("place", [last_good.NAME, "spool", "spool/s1"])
def test_what_the_disk_can_not_give_is_a_failure(tmp_path: Path, place: str) -> None:
    trees.leave_session(tmp_path / "spool", "s1")
    (tmp_path / last_good.NAME).touch()
    with trees.damaged(tmp_path / place):
        found = check_state(tmp_path)
    assert found.result is Result.FAILED
    assert place in found.found
    assert "SD card" in found.remedy


def test_a_state_folder_that_can_not_be_read_is_a_failure(tmp_path: Path) -> None:
    with trees.damaged(tmp_path):
        assert check_state(tmp_path).result is Result.FAILED
