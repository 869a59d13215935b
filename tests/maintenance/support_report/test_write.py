import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.maintenance.paths import Box
from appliance.maintenance.support_report.write import report_on_boot_partition, write_report
from appliance.system.files import Disk
from tests.maintenance.programs import Programs

NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A place that asks for a report."""
    target = tmp_path / "stick"
    target.mkdir()
    (target / "appliance-report").touch()
    return target


def report(box: Box, target: Path, programs: Programs) -> Path:
    folder = write_report(target, box.root, run=programs, now=lambda: NOW)
    assert folder
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_report_stands_beside_the_request_which_is_marked_done(
    box: Box, target: Path, programs: Programs
) -> None:
    report(box, target, programs)
    assert names(target) == ["appliance-report-done", "appliance-report-kitchen-2026-01-31-1405"]


def test_it_holds_what_was_said_and_what_was_logged(
    box: Box, target: Path, programs: Programs
) -> None:
    box.status.parent.mkdir(parents=True)
    box.status.write_text('{"mode": "ready"}')
    folder = report(box, target, programs)
    assert names(folder) == [
        "box.txt",
        "journal-of-last-start.txt",
        "journal-of-start-before-that.txt",
        "journal-of-this-start.txt",
        "settings.txt",
        "status.json",
        "transcripts.txt",
    ]
    assert "Good morning." in (folder / "transcripts.txt").read_text()
    assert "this start" in (folder / "journal-of-this-start.txt").read_text()
    assert "the start before" in (folder / "journal-of-last-start.txt").read_text()
    assert (folder / "status.json").read_text() == '{"mode": "ready"}'
    assert 'name = "kitchen"' in (folder / "settings.txt").read_text()


def test_the_box_is_described(box: Box, target: Path, programs: Programs) -> None:
    said = (report(box, target, programs) / "box.txt").read_text()
    for words in ("Voice appliance", "Undervoltage detected", "MB free of", "NRestarts=0", "click"):
        assert words in said
    assert "usb 1-1" not in said


def test_no_secret_is_in_it(box: Box, target: Path, programs: Programs) -> None:
    box.settings.write_text(box.settings.read_text() + '# the-key?\n[mqtt]\npassword = "word"\n')
    box.status.parent.mkdir(parents=True)
    box.status.write_text('{"status": "the-key is refused", "token": "word"}')
    folder = report(box, target, programs)
    for path in folder.iterdir():
        assert b"the-key" not in path.read_bytes()
        assert b'"word"' not in path.read_bytes()
    assert (folder / "status.json").read_text() == '{"status": "... is refused", "token": "..."}'


def test_what_is_not_available_says_so_and_the_rest_is_there(
    box: Box, target: Path, programs: Programs
) -> None:
    programs.failing = "journalctl"
    folder = report(box, target, programs)
    assert (
        folder / "journal-of-this-start.txt"
    ).read_text() == "Not available: journalctl failed\n"
    assert "No such file" in (folder / "status.json").read_text()
    assert "(not known: journalctl failed)" in (folder / "box.txt").read_text()
    assert "Good morning." in (folder / "transcripts.txt").read_text()


def test_settings_with_a_mistake_do_not_hinder_it(
    box: Box, target: Path, programs: Programs
) -> None:
    box.settings.write_text("pin = ")
    folder = report(box, target, programs)
    assert folder.name == "appliance-report-appliance-2026-01-31-1405"
    assert (folder / "settings.txt").read_text() == "pin = "


@pytest.mark.parametrize("name", ["appliance-report", "Appliance-Report.TXT"])
@pytest.mark.parametrize("folder", [False, True])
def test_it_may_be_asked_for_in_several_ways(
    box: Box, tmp_path: Path, programs: Programs, name: str, folder: bool
) -> None:
    request = tmp_path / name
    if folder:
        (request / "within").mkdir(parents=True)
    else:
        request.touch()
    assert write_report(tmp_path, box.root, run=programs)
    assert not request.exists()
    assert write_report(tmp_path, box.root, run=programs) is None


@pytest.mark.parametrize("name", ["appliance-report-done", "appliance-reports", "report"])
def test_other_names_ask_for_nothing(
    box: Box, tmp_path: Path, programs: Programs, name: str
) -> None:
    (tmp_path / name).touch()
    assert write_report(tmp_path, box.root, run=programs) is None


def test_a_link_asks_for_nothing(box: Box, tmp_path: Path, programs: Programs) -> None:
    (tmp_path / "appliance-report").symlink_to(box.settings)
    assert write_report(tmp_path, box.root, run=programs) is None


def test_a_second_report_in_the_same_minute_has_a_folder_of_its_own(
    box: Box, target: Path, programs: Programs
) -> None:
    first = report(box, target, programs)
    (target / "appliance-report").mkdir()
    second = report(box, target, programs)
    assert second.name == f"{first.name}-2"
    assert (target / "appliance-report-done-2").is_dir()


class Small(Disk):
    """Has no room for another file after some."""

    def __init__(self, files: int) -> None:
        self._files = files

    def write(self, file: int, data: bytes) -> None:
        if self._files == 0:
            super().write(file, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        self._files -= 1
        super().write(file, data)


@pytest.mark.parametrize("files", [0, 3, 6])
def test_without_room_for_a_report_nothing_is_left(
    box: Box, target: Path, programs: Programs, files: int
) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_report(target, box.root, run=programs, disk=Small(files))
    assert names(target) == ["appliance-report"]


def test_only_the_latest_of_a_long_journal_is_kept(
    box: Box, target: Path, programs: Programs
) -> None:
    programs.journals = [b"old\n" + b"x" * 99 + b"\n" + b"y" * (4 * 1024 * 1024)]
    folder = report(box, target, programs)
    assert set((folder / "journal-of-this-start.txt").read_bytes()) == set(b"y")


def test_the_boot_partition_is_looked_at_under_both_its_names(
    box: Box, programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    assert report_on_boot_partition(box.root, programs)
    for folder in ("boot", "boot/firmware"):
        (box.root / folder / "appliance-report").touch()
    with caplog.at_level("INFO"):
        assert report_on_boot_partition(box.root, programs)
    assert caplog.text.count("wrote the report") == 2
    assert report_on_boot_partition(box.root / "nowhere", programs)


def test_a_partition_that_can_not_be_written_is_reported_in_one_line(
    box: Box, programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    partition = box.root / "boot/firmware"
    request = partition / "appliance-report"
    request.touch()
    (box.root / "boot/appliance-report").touch()
    assert not report_on_boot_partition(box.root, programs, Small(0))
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "No space left on device" in caplog.text
    assert request.exists()
